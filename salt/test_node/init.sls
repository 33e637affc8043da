{% from tpldir ~ '/map.jinja' import test_node with context %}

include:
  - sshd

test-node-packages:
  pkg.installed:
    - pkgs: {{ test_node.packages | json }}
    - install_recommends: False

test-node-account:
  user.present:
    - name: {{ test_node.account }}
    - usergroup: True
    - shell: /bin/bash
    - password: '*'
    - createhome: True

test-node-keys:
  file.managed:
    - name: /etc/ssh/test-node.keys
    - source: salt://test_node/files/authorized_keys
    - template: jinja
    - context:
        config: {{ test_node | json }}
    - makedirs: True
    - mode: '0644'

test-node-ssh:
  file.managed:
    - name: /etc/ssh/sshd_config.d/30-test-node.conf
    - source: salt://test_node/files/sshd.conf
    - template: jinja
    - context:
        config: {{ test_node | json }}
    - makedirs: True
    - mode: '0644'
    - watch_in:
      - service: sshd
