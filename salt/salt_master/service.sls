master-unit:
  file.managed:
    - name: /etc/systemd/system/salt-master.service
    - source: salt://salt_master/files/salt-master.service
    - mode: '0644'
  cmd.run:
    - name: systemctl daemon-reload
    - onchanges:
      - file: master-unit

salt-master:
  service.running:
    - enable: True
    - require:
      - cmd: master-unit
      - file: master-config
      - file: events-key
      - file: gpg-keys

{% for name in ['salt', 'salt-run', 'salt-key', 'saltern'] %}
/usr/local/bin/{{ name }}:
  file.symlink:
    - target: /opt/saltern/bin/{{ name }}
{% endfor %}

master-restart:
  cmd.run:
    - name: systemctl start --no-block saltern-restart@salt-master.service
    - order: last
    - require:
      - cmd: restart-after-jobs-unit
    - onchanges:
      - file: master-unit
      - file: master-config
      - file: events-key
