{% from tpldir ~ '/map.jinja' import zuul with context %}

include:
  - tls

zuul-account:
  user.present:
    - name: zuul
    - system: True
    - usergroup: True
    - home: /var/lib/zuul
    - createhome: False
    - shell: /usr/sbin/nologin

zuul-reads-tls-key:
  group.present:
    - name: ssl-cert
    - system: True
    - addusers: [zuul]
    - require:
      - user: zuul-account
      - sls: tls

zuul-home:
  file.directory:
    - names:
      - /var/lib/zuul:
        - mode: '0750'
      - /var/lib/zuul/.ssh:
        - mode: '0700'
    - user: zuul
    - group: zuul
    - require:
      - user: zuul-account

zuul-known-hosts:
  file.symlink:
    - name: /var/lib/zuul/.ssh/known_hosts
    - target: /etc/ssh/ssh_known_hosts
    - require:
      - file: zuul-home

{% if ['zuul-scheduler', 'zuul-executor'] | intersect(pillar.roles) %}
{% if not zuul.gerrit.get('ssh_key') %}
{% do raise('pillar zuul:gerrit: write ssh_key (private key of the account ' ~ zuul.gerrit.username ~ ')') %}
{% endif %}
zuul-gerrit-key:
  file.managed:
    - name: /var/lib/zuul/.ssh/gerrit
    - source: salt://zuul/files/key
    - template: jinja
    - context:
        key: {{ zuul.gerrit.ssh_key | json }}
    - user: zuul
    - group: zuul
    - mode: '0600'
    - show_changes: False
    - require:
      - file: zuul-home
{% endif %}
