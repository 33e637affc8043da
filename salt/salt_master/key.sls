{% from tpldir ~ '/map.jinja' import salt_master with context %}
events-key-directory:
  file.directory:
    - name: /etc/salt/saltern
    - user: root
    - group: salt
    - mode: '0750'
    - makedirs: True
    - require:
      - user: salt-account

events-key:
  file.managed:
    - name: /etc/salt/saltern/id_ed25519
    - contents_pillar: salt_master:events:private_key
    - user: salt
    - group: salt
    - mode: '0600'
    - show_changes: False
    - require:
      - file: events-key-directory
