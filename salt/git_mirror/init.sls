{% from tpldir ~ '/map.jinja' import git_mirror with context %}
{% set written = salt['pillar.get']('saltern:mirror:root', git_mirror.root) %}
{% if written != git_mirror.root %}
{% do raise('git_mirror:root is ' ~ git_mirror.root ~ ' and saltern:mirror:root ' ~ written ~ ': write the same') %}
{% endif %}

include:
  - nginx

# The package's own socket would run any CGI program that nginx names, as www-data: masked before
# the package is there, it never listens.
{% for unit in ['fcgiwrap.socket', 'fcgiwrap.service'] %}
git-mirror-without-{{ unit }}:
  file.symlink:
    - name: /etc/systemd/system/{{ unit }}
    - target: /dev/null
    - require_in:
      - pkg: git-mirror-packages
{% endfor %}

git-mirror-packages:
  pkg.installed:
    - pkgs: [git, fcgiwrap]
    - install_recommends: False

git-mirror-account:
  user.present:
    - name: git-read
    - system: True
    - usergroup: True
    - home: {{ git_mirror.root }}
    - createhome: False
    - shell: /usr/sbin/nologin

git-mirror-root:
  file.directory:
    - name: {{ git_mirror.root }}
    - user: root
    - group: root
    - mode: '0755'
    - makedirs: True

{% for unit in ['git-http.service', 'git-http.socket', 'git-gc.service', 'git-gc.timer'] %}
{{ unit }}-unit:
  file.managed:
    - name: /etc/systemd/system/{{ unit }}
    - source: salt://git_mirror/files/{{ unit }}
    - template: jinja
    - context: {config: {{ git_mirror | json }}}
    - mode: '0644'
{% endfor %}

git-mirror-units:
  cmd.run:
    - name: systemctl daemon-reload
    - onchanges:
      - file: git-http.service-unit
      - file: git-http.socket-unit
      - file: git-gc.service-unit
      - file: git-gc.timer-unit

git-gc-script:
  file.managed:
    - name: /usr/local/lib/saltern/git-gc
    - source: salt://git_mirror/files/git-gc
    - makedirs: True
    - mode: '0755'

git-http:
  service.running:
    - name: git-http.socket
    - enable: True
    - require:
      - user: git-mirror-account
    - watch:
      - file: git-http.socket-unit

git-http-workers:
  cmd.run:
    - name: systemctl try-restart git-http.service
    - onchanges:
      - file: git-http.service-unit
    - require:
      - cmd: git-mirror-units
      - service: git-http

git-gc:
  service.running:
    - name: git-gc.timer
    - enable: True
    - require:
      - file: git-gc-script
    - watch:
      - file: git-gc.timer-unit

git-mirror-site:
  file.managed:
    - name: /etc/nginx/sites-enabled/git.conf
    - source: salt://git_mirror/files/nginx.conf
    - template: jinja
    - context: {config: {{ git_mirror | json }}}
    - mode: '0644'
    - require:
      - pkg: nginx
    - watch_in:
      - service: nginx
