{% from tpldir ~ '/map.jinja' import updates with context %}

unattended-upgrades:
  pkg.installed: []

updates-config:
  file.managed:
    - name: /etc/apt/apt.conf.d/60saltern-updates
    - source: salt://updates/files/updates.conf
    - template: jinja
    - context: {config: {{ updates | json }}}
    - mode: '0644'

{% for timer in ['apt-daily', 'apt-daily-upgrade'] %}
{{ timer }}:
  service.running:
    - name: {{ timer }}.timer
    - enable: True
    - unmask: True
    - require:
      - pkg: unattended-upgrades
      - file: updates-config
{% endfor %}
