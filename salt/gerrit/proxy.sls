{% from tpldir ~ '/map.jinja' import gerrit with context %}
{% from tpldir ~ '/settings.jinja' import settings, site, url with context %}
{% set login = settings.auth.type == 'HTTP' %}

gerrit-proxy:
  file.managed:
    - name: /etc/nginx/sites-enabled/gerrit.conf
    - source: salt://gerrit/files/nginx.conf
    - template: jinja
    - context:
        name: {{ site.services.gerrit }}
        url: {{ url }}
        login: {{ login | json }}
    - mode: '0644'
    - require:
      - pkg: nginx
      - gerrit_site: gerrit-administrator
    - watch_in:
      - service: nginx

{% if login %}
gerrit-web-users:
  file.managed:
    - name: /etc/nginx/gerrit.users
    - source: salt://gerrit/files/users
    - template: jinja
    - context:
        users: {{ gerrit.web_users | json }}
    - user: root
    - group: www-data
    - mode: '0640'
    - show_changes: False
    - require:
      - pkg: nginx
    - require_in:
      - file: gerrit-proxy
{% endif %}
