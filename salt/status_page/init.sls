{% from tpldir ~ '/map.jinja' import status_page with context %}
include:
  - nginx

# The master writes the page into /srv/status (salt_master).
status-page-site:
  file.managed:
    - name: /etc/nginx/sites-enabled/status.conf
    - source: salt://status_page/files/status.conf
    - template: jinja
    - context:
        config: {{ status_page | json }}
    - mode: '0644'
    - require:
      - pkg: nginx
    - watch_in:
      - service: nginx
