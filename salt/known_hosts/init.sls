{% from tpldir ~ '/map.jinja' import known_hosts with context %}

known-hosts:
  file.managed:
    - name: /etc/ssh/ssh_known_hosts
    - source: salt://known_hosts/files/ssh_known_hosts
    - template: jinja
    - context: {config: {{ known_hosts | json }}}
    - makedirs: True
    - mode: '0644'
