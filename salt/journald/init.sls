{% from tpldir ~ '/map.jinja' import journald with context %}

journald-config:
  file.managed:
    - name: /etc/systemd/journald.conf.d/saltern.conf
    - source: salt://journald/files/journald.conf
    - template: jinja
    - context: {config: {{ journald | json }}}
    - makedirs: True
    - mode: '0644'

journald:
  service.running:
    - name: systemd-journald
    - watch:
      - file: journald-config
