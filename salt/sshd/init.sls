{% from tpldir ~ '/map.jinja' import sshd with context %}

openssh-server:
  pkg.installed: []

ssh-host-key:
  cmd.run:
    - name: ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key
    - creates: /etc/ssh/ssh_host_ed25519_key
    - require:
      - pkg: openssh-server

sshd-run:
  file.directory:
    - name: /run/sshd
    - mode: '0755'

sshd-config:
  file.managed:
    - name: /etc/ssh/sshd_config.d/10-saltern.conf
    - source: salt://sshd/files/saltern.conf
    - template: jinja
    - context: {config: {{ sshd | json }}}
    - makedirs: True
    - mode: '0644'
    - check_cmd: /usr/sbin/sshd -t -f
    - require:
      - pkg: openssh-server
      - cmd: ssh-host-key
      - file: sshd-run

sshd:
  service.running:
    - name: ssh
    - enable: True
    - reload: True
    - watch:
      - file: sshd-config
