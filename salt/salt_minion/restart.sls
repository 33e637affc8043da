# The daemons restart when the running job has returned, not under it.
restart-after-jobs:
  file.managed:
    - name: /usr/local/lib/saltern/restart-after-jobs
    - source: salt://salt_minion/files/restart-after-jobs
    - mode: '0755'
    - makedirs: True

restart-after-jobs-unit:
  file.managed:
    - name: /etc/systemd/system/saltern-restart@.service
    - source: salt://salt_minion/files/saltern-restart@.service
    - mode: '0644'
  cmd.run:
    - name: systemctl daemon-reload
    - onchanges:
      - file: restart-after-jobs-unit
