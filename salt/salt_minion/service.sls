minion-unit:
  file.managed:
    - name: /etc/systemd/system/salt-minion.service
    - source: salt://salt_minion/files/salt-minion.service
    - mode: '0644'
  cmd.run:
    - name: systemctl daemon-reload
    - onchanges:
      - file: minion-unit

salt-minion:
  service.running:
    - enable: True
    - require:
      - cmd: minion-unit
      - file: minion-config

salt-call-command:
  file.symlink:
    - name: /usr/local/bin/salt-call
    - target: /opt/saltern/bin/salt-call

minion-restart:
  cmd.run:
    - name: systemctl start --no-block saltern-restart@salt-minion.service
    - order: last
    - require:
      - cmd: restart-after-jobs-unit
    - onchanges:
      - file: minion-unit
      - file: minion-config
      - library: library-installed
