{% from tpldir ~ '/map.jinja' import gerrit with context %}

gerrit-packages:
  pkg.installed:
    - pkgs: [git, openssh-client]

gerrit-account:
  user.present:
    - name: gerrit
    - system: True
    - usergroup: True
    - home: {{ gerrit.site }}
    - createhome: False
    - shell: /usr/sbin/nologin

{% for folder, mode in [('', '0750'), ('/etc', '0750'), ('/tmp', '0700')] %}
gerrit-site{{ folder }}:
  file.directory:
    - name: {{ gerrit.site ~ folder }}
    - user: gerrit
    - group: gerrit
    - mode: '{{ mode }}'
    - require:
      - user: gerrit-account
{% endfor %}

gerrit-wars:
  file.directory:
    - name: {{ gerrit.wars }}
    - mode: '0755'

gerrit-backups:
  file.directory:
    - name: {{ gerrit.backups }}
    - mode: '0700'
