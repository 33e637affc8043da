{% from tpldir ~ '/map.jinja' import timesync with context %}

systemd-timesyncd:
  pkg.installed: []

timesync-config:
  file.managed:
    - name: /etc/systemd/timesyncd.conf.d/saltern.conf
    - source: salt://timesync/files/timesyncd.conf
    - template: jinja
    - context: {config: {{ timesync | json }}}
    - makedirs: True
    - mode: '0644'

timesync:
  {% if grains.virtual in ['container', 'systemd-nspawn', 'LXC'] %}
  service.unmasked:
    - name: systemd-timesyncd
  {% else %}
  service.running:
    - name: systemd-timesyncd
    - enable: True
    - unmask: True
    - watch:
      - file: timesync-config
  {% endif %}
    - require:
      - pkg: systemd-timesyncd
