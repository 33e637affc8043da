{% from tpldir ~ '/map.jinja' import salt_master with context %}
salt-account:
  user.present:
    - name: salt
    - system: True
    - usergroup: True
    - home: /var/lib/saltern
    - createhome: False
    - shell: /usr/sbin/nologin

# The account owns nothing that the minion, which is root, writes into.
{% for name, mode in {'/etc/salt/pki': '0711', '/var/cache/salt': '0755'}.items() %}
{{ name }}:
  file.directory:
    - user: root
    - group: root
    - mode: '{{ mode }}'
    - makedirs: True
{% endfor %}

{% for name, mode in {'/etc/salt/pki/master': '0700', '/var/cache/salt/master': '0750',
                      '/var/log/salt-master': '0750', '/var/lib/saltern': '0755',
                      '/var/lib/saltern/state': '0750', '/var/lib/saltern/files': '0755',
                      '/srv/status': '0755'}.items() %}
{{ name }}:
  file.directory:
    - user: salt
    - group: salt
    - mode: '{{ mode }}'
    - require:
      - user: salt-account
      {% set parent = name.rsplit('/', 1)[0] %}
      {% if parent in ('/etc/salt/pki', '/var/cache/salt', '/var/lib/saltern') %}
      - file: {{ parent }}
      {% endif %}
{% endfor %}

# The master reads secrets through its group; nobody else on the host does.
private-pillar:
  file.directory:
    - name: {{ salt_master.private | json }}
    - user: root
    - group: salt
    - dir_mode: '0750'
    - file_mode: '0640'
    - recurse: [user, group, mode]
    - require:
      - user: salt-account

salt-gitconfig:
  file.managed:
    - name: /var/lib/saltern/.gitconfig
    - source: salt://salt_master/files/gitconfig
    - user: salt
    - group: salt
    - mode: '0644'
    - require:
      - file: /var/lib/saltern
