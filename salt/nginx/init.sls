{% from tpldir ~ '/map.jinja' import nginx with context %}
include:
  - tls

nginx-config:
  file.managed:
    - name: /etc/nginx/nginx.conf
    - source: salt://nginx/files/nginx.conf
    - mode: '0644'
    - require:
      - pkg: nginx

nginx-tls:
  file.managed:
    - name: /etc/nginx/conf.d/tls.conf
    - source: salt://nginx/files/tls.conf
    - template: jinja
    - context:
        config: {{ nginx | json }}
    - mode: '0644'
    - require:
      - pkg: nginx

nginx-unknown-names:
  file.managed:
    - name: /etc/nginx/conf.d/unknown-names.conf
    - source: salt://nginx/files/unknown-names.conf
    - mode: '0644'
    - require:
      - pkg: nginx

nginx:
  pkg.installed:
    - install_recommends: False
  service.running:
    - enable: True
    - reload: True
    - watch:
      - file: nginx-config
      - file: nginx-tls
      - file: nginx-unknown-names
      - pki: host-certificate
