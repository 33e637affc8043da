{% for name in ['backup-journal', 'restore-journal'] %}
/usr/local/lib/saltern/{{ name }}:
  file.managed:
    - source: salt://salt_master/files/journal-copier
    - mode: '0755'
    - makedirs: True
{% endfor %}

journal-backup:
  file.managed:
    - name: /etc/saltern/backup.d/journal
    - source: salt://salt_master/files/backup
    - mode: '0644'
    - makedirs: True
