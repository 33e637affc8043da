{% from tpldir ~ '/map.jinja' import firewall with context %}
{% import_yaml 'ports.yaml' as ports %}

nftables:
  pkg.installed: []

firewall-rules:
  file.managed:
    - name: /etc/nftables.conf
    - source: salt://firewall/files/nftables.conf
    - template: jinja
    - context: {rules: {{ salt['component.open_ports'](ports, firewall.extra) | json }}}
    - mode: '0755'
    - check_cmd: /usr/sbin/nft --check --file
    - require:
      - pkg: nftables

firewall-unit:
  file.managed:
    - name: /etc/systemd/system/nftables.service.d/saltern.conf
    - source: salt://firewall/files/unit.conf
    - makedirs: True
    - mode: '0644'

firewall:
  service.running:
    - name: nftables
    - enable: True
    - reload: True
    - watch:
      - file: firewall-rules
      - file: firewall-unit

firewall-loaded:
  cmd.run:
    - name: systemctl reload nftables
    - onlyif: test -e /run/saltern-firewall
    - unless: nft --numeric --stateless list table inet saltern | cmp --silent - /run/saltern-firewall
    - require:
      - service: firewall
