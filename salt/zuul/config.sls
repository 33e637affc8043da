{% from tpldir ~ '/map.jinja' import zuul with context %}
{% if ['zuul-scheduler', 'zuul-web'] | intersect(pillar.roles) and not zuul.get('database') %}
{% do raise('pillar zuul:database: write password (of the database role zuul)') %}
{% endif %}

include:
  - zuul.account

zuul-etc:
  file.directory:
    - name: /etc/zuul
    - mode: '0755'

zuul-config:
  file.managed:
    - name: /etc/zuul/zuul.conf
    - source: salt://zuul/files/zuul.conf
    - template: jinja
    - context:
        config: {{ zuul | json }}
    - group: zuul
    - mode: '0640'
    - show_changes: False
    - require:
      - file: zuul-etc
      - user: zuul-account

zuul-logging:
  file.managed:
    - name: /etc/zuul/logging.yaml
    - source: salt://zuul/files/logging.yaml
    - template: jinja
    - context:
        level: {{ zuul.log_level }}
    - mode: '0644'
    - require:
      - file: zuul-etc
