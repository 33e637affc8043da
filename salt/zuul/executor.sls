{% from tpldir ~ '/map.jinja' import zuul with context %}
{% from tpldir ~ '/service.jinja' import daemon with context %}
{% if not zuul.executor.get('ssh_key') %}
{% do raise('pillar zuul:executor: write ssh_key (private key with which jobs log in to nodes)') %}
{% endif %}

include:
  - zuul
  - zuul.ansible

zuul-node-key:
  file.managed:
    - name: /var/lib/zuul/.ssh/nodes
    - source: salt://zuul/files/key
    - template: jinja
    - context:
        key: {{ zuul.executor.ssh_key | json }}
    - user: zuul
    - group: zuul
    - mode: '0600'
    - show_changes: False
    - require:
      - file: zuul-home

zuul-variables:
  file.managed:
    - name: /etc/zuul/variables.yaml
    - source: salt://zuul/files/variables.yaml
    - template: jinja
    - context:
        variables: {{ zuul.executor.variables | json }}
    - mode: '0644'
    - require:
      - file: zuul-etc

zuul-userns:
  file.managed:
    - name: /etc/systemd/system/zuul-userns.service
    - source: salt://zuul/files/zuul-userns.service
    - mode: '0644'

{{ daemon('executor') }}
      - file: zuul-node-key
      - file: zuul-userns
    - require:
      - pkg: zuul-packages
      - file: zuul-gerrit-key
      - file: zuul-variables
      - sls: zuul.ansible
