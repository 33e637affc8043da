{% from tpldir ~ '/service.jinja' import daemon with context %}

include:
  - nginx
  - zuul

{{ daemon('web') }}

zuul-web-site:
  file.managed:
    - name: /etc/nginx/sites-enabled/zuul.conf
    - source: salt://zuul/files/nginx.conf
    - template: jinja
    - makedirs: True
    - mode: '0644'
    - watch_in:
      - service: nginx
