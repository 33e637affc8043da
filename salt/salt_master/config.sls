{% from tpldir ~ '/map.jinja' import salt_master with context %}
{% from tpldir ~ '/site.jinja' import pillar_roots, saltern with context %}
master-config:
  file.managed:
    - name: /etc/salt/master.d/saltern.conf
    - source: salt://salt_master/files/master.conf
    - template: jinja
    - context:
        config: {{ salt_master | json }}
        pillar_roots: {{ pillar_roots | json }}
        saltern: {{ saltern | json }}
    - user: root
    - group: salt
    - mode: '0640'
    - makedirs: True
    - require:
      - user: salt-account

# For salt-call --local state.apply salt_master, when the master itself is down.
local-roots:
  file.managed:
    - name: /etc/salt/minion.d/local.conf
    - source: salt://salt_master/files/local.conf
    - template: jinja
    - context:
        pillar_roots: {{ pillar_roots | json }}
    - mode: '0644'
    - makedirs: True
