{% from tpldir ~ '/map.jinja' import logs with context %}
{% from 'logs/uploader.jinja' import uploader with context %}
{% import_yaml 'nginx/defaults.yaml' as nginx %}
{% set hsts = salt['pillar.get']('nginx:hsts_seconds', nginx.hsts_seconds) %}
{% set accounts = [] %}

include:
  - nginx
  - sshd

logs-packages:
  pkg.installed:
    - pkgs: [rsync, python3]
    - install_recommends: False

logs-root:
  file.directory:
    - name: {{ logs.root }}
    - user: root
    - group: root
    - mode: '0755'
    - makedirs: True

{% for context, row in logs.contexts | dictsort %}
{% do accounts.append('logs-' ~ context) %}
{{ uploader('logs-' ~ context, logs.root ~ '/' ~ context, row['keys']) }}
{% endfor %}

logs-ssh:
  file.managed:
    - name: /etc/ssh/sshd_config.d/30-logs.conf
    - source: salt://logs/files/sshd.conf
    - template: jinja
    - context: {accounts: {{ accounts | json }}}
    - makedirs: True
    - mode: '0644'
    - watch_in:
      - service: sshd

logs-keep-script:
  file.managed:
    - name: /usr/local/lib/saltern/logs-keep
    - source: salt://logs/files/logs-keep
    - makedirs: True
    - mode: '0755'

{% for unit in ['logs-keep.service', 'logs-keep.timer'] %}
{{ unit }}-unit:
  file.managed:
    - name: /etc/systemd/system/{{ unit }}
    - source: salt://logs/files/{{ unit }}
    - template: jinja
    - context: {config: {{ logs | json }}}
    - mode: '0644'
{% endfor %}

logs-units:
  cmd.run:
    - name: systemctl daemon-reload
    - onchanges:
      - file: logs-keep.service-unit
      - file: logs-keep.timer-unit

logs-keep:
  service.running:
    - name: logs-keep.timer
    - enable: True
    - require:
      - file: logs-keep-script
    - watch:
      - file: logs-keep.timer-unit

logs-site:
  file.managed:
    - name: /etc/nginx/sites-enabled/logs.conf
    - source: salt://logs/files/nginx.conf
    - template: jinja
    - context: {config: {{ logs | json }}, hsts: {{ hsts | json }}}
    - mode: '0644'
    - require:
      - pkg: nginx
    - watch_in:
      - service: nginx
