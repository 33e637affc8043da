{% from tpldir ~ '/map.jinja' import backup with context %}

backup-tools:
  pkg.installed:
    - pkgs: [tar, zstd]

backup-folders:
  file.directory:
    - names:
      - /etc/saltern/backup.d:
        - mode: '0755'
      - /var/backups/saltern:
        - mode: '0700'
    - makedirs: True

backup-script:
  file.managed:
    - name: /usr/local/sbin/saltern-backup
    - source: salt://backup/files/saltern-backup
    - mode: '0755'

backup-service:
  file.managed:
    - name: /etc/systemd/system/saltern-backup.service
    - source: salt://backup/files/saltern-backup.service
    - template: jinja
    - context: {config: {{ backup | json }}}
    - mode: '0644'

backup-timer:
  file.managed:
    - name: /etc/systemd/system/saltern-backup.timer
    - source: salt://backup/files/saltern-backup.timer
    - template: jinja
    - context: {config: {{ backup | json }}}
    - mode: '0644'

backup:
  service.running:
    - name: saltern-backup.timer
    - enable: True
    - watch:
      - file: backup-timer
    - require:
      - pkg: backup-tools
      - file: backup-folders
      - file: backup-script
      - file: backup-service
