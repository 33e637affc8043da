{% from tpldir ~ '/map.jinja' import tls with context %}
{% set names = [opts.id] + pillar.site.hosts[opts.id].get('aliases', []) %}
# Members read the host's key.
ssl-cert-group:
  group.present:
    - name: ssl-cert
    - system: True

tls-directory:
  file.directory:
    - name: /etc/saltern/tls
    - user: root
    - group: root
    - mode: '0755'
    - makedirs: True

host-certificate:
  pki.tls:
    - name: /etc/saltern/tls
    - hosts: {{ names | json }}
    - group: ssl-cert
    - renew_days: {{ tls.renew_days }}
    - timeout: {{ tls.timeout }}
    - require:
      - group: ssl-cert-group
      - file: tls-directory
