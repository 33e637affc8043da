{% from tpldir ~ '/map.jinja' import salt_minion with context %}
minion-config:
  file.managed:
    - name: /etc/salt/minion.d/saltern.conf
    - source: salt://salt_minion/files/minion.conf
    - template: jinja
    - context:
        config: {{ dict(salt_minion, master=pillar.site.services.salt) | json }}
    - mode: '0644'
    - makedirs: True

# What provision/host wrote so that the minion could reach its master at all.
minion-provision-config:
  file.absent:
    - name: /etc/salt/minion.d/provision.conf
    - require:
      - file: minion-config
