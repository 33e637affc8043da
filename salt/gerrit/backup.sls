{% from tpldir ~ '/map.jinja' import gerrit with context %}
{% from tpldir ~ '/settings.jinja' import command with context %}

gerrit-reindex:
  file.managed:
    - name: /usr/local/lib/saltern/gerrit-reindex
    - source: salt://gerrit/files/gerrit-reindex
    - template: jinja
    - context:
        command: {{ command | json }}
        site: {{ gerrit.site }}
        wars: {{ gerrit.wars }}
    - makedirs: True
    - mode: '0755'

gerrit-backup:
  file.managed:
    - name: /etc/saltern/backup.d/gerrit
    - source: salt://gerrit/files/backup
    - template: jinja
    - context:
        site: {{ gerrit.site }}
        wars: {{ gerrit.wars }}
    - makedirs: True
    - mode: '0644'
