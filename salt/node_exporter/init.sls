{% from tpldir ~ '/map.jinja' import node_exporter with context %}

prometheus-node-exporter:
  pkg.installed:
    - install_recommends: False

node-exporter-reads-key:
  group.present:
    - name: ssl-cert
    - addusers: [prometheus]
    - system: True
    - require:
      - pkg: prometheus-node-exporter
      - pki: host-certificate

node-exporter-tls:
  file.managed:
    - name: /etc/prometheus/node-exporter.yml
    - source: salt://node_exporter/files/web.yml
    - makedirs: True
    - mode: '0644'

node-exporter-arguments:
  file.managed:
    - name: /etc/default/prometheus-node-exporter
    - source: salt://node_exporter/files/default
    - template: jinja
    - context: {config: {{ node_exporter | json }}}
    - mode: '0644'

node-exporter:
  service.running:
    - name: prometheus-node-exporter
    - enable: True
    - watch:
      - group: node-exporter-reads-key
      - file: node-exporter-tls
      - file: node-exporter-arguments
