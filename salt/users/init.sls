{% from tpldir ~ '/map.jinja' import users with context %}
{% set admins = pillar.site.get('admins') or {} %}

admins:
  group.present:
    - name: {{ users.admin_group }}
    - members: {{ admins | list | json }}
    - system: True
    {% if admins %}
    - require:
      {% for name in admins %}
      - user: admin-{{ name }}
      {% endfor %}
    {% endif %}

admins-ssh:
  file.managed:
    - name: /etc/ssh/sshd_config.d/20-admins.conf
    - contents: AllowGroups {{ users.admin_group }}
    - makedirs: True
    - mode: '0644'
    - watch_in:
      - service: sshd

sudo:
  pkg.installed: []

sudo-admins:
  file.managed:
    - name: /etc/sudoers.d/saltern-admins
    - contents: '%{{ users.admin_group }} ALL=(ALL:ALL) NOPASSWD: ALL'
    - mode: '0440'
    - check_cmd: /usr/sbin/visudo -cf
    - require:
      - pkg: sudo

{% for name, admin in admins | dictsort %}
{% if name in users.removed %}
{% do raise('users:removed and site.yaml both name ' ~ name ~ ': take it from one of them') %}
{% endif %}
admin-{{ name }}:
  user.present:
    - name: {{ name }}
    - fullname: {{ admin.get('full_name', name) | json }}
    - shell: {{ admin.get('shell', '/bin/bash') }}
    - password: '*'
    - createhome: True

admin-{{ name }}-keys:
  file.managed:
    - name: /home/{{ name }}/.ssh/authorized_keys
    - contents: {{ admin['keys'] | json }}
    - makedirs: True
    - user: {{ name }}
    - group: {{ name }}
    - mode: '0600'
    - dir_mode: '0700'
    - require:
      - user: admin-{{ name }}
{% endfor %}

{% for name in users.removed %}
removed-{{ name }}:
  user.absent:
    - name: {{ name }}
    - force: True
{% endfor %}
