{% for script in ['export', 'import'] %}
zuul-keys-{{ script }}:
  file.managed:
    - name: /usr/local/lib/saltern/zuul-keys-{{ script }}
    - source: salt://zuul/files/zuul-keys-{{ script }}
    - makedirs: True
    - mode: '0755'
{% endfor %}

zuul-backup:
  file.managed:
    - name: /etc/saltern/backup.d/zuul
    - source: salt://zuul/files/backup
    - template: jinja
    - makedirs: True
    - mode: '0644'
