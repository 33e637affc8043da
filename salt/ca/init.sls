{% from tpldir ~ '/map.jinja' import ca with context %}
# Keys are made on the master and stay there; hosts fetch what salt://issued/ publishes.
authority:
  pki.authority:
    - name: /var/lib/saltern/pki
    - issued: /var/lib/saltern/files/issued
    - common_name: {{ ca.common_name | json }}
    - domains: {{ ca.get('domains', [pillar.site.domain]) | json }}
    - days: {{ ca.days }}
    - user: salt

authority-backup:
  file.managed:
    - name: /etc/saltern/backup.d/ca
    - source: salt://ca/files/backup
    - mode: '0644'
    - makedirs: True
