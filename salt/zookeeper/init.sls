{% from tpldir ~ '/map.jinja' import zookeeper with context %}
{% set members = salt['component.hosts']('zookeeper') %}
{% if members | length not in (1, 3, 5) %}
{% do raise('the role zookeeper has ' ~ members | length ~ ' hosts: give it to one, three or five') %}
{% endif %}

include:
  - tls
  - zookeeper.backup

zookeeper-packages:
  pkg.installed:
    - pkgs: [default-jre-headless, libzookeeper-java, openssl]
    - install_recommends: False

zookeeper-account:
  user.present:
    - name: zookeeper
    - system: True
    - usergroup: True
    - home: {{ zookeeper.data_dir }}
    - createhome: False
    - shell: /usr/sbin/nologin

zookeeper-reads-tls-key:
  group.present:
    - name: ssl-cert
    - system: True
    - addusers: [zookeeper]
    - require:
      - user: zookeeper-account
      - sls: tls

zookeeper-data:
  file.directory:
    - name: {{ zookeeper.data_dir }}
    - user: zookeeper
    - group: zookeeper
    - mode: '0750'
    - require:
      - user: zookeeper-account

{% if members | length > 1 %}
zookeeper-id:
  file.managed:
    - name: {{ zookeeper.data_dir }}/myid
    - source: salt://zookeeper/files/myid
    - template: jinja
    - mode: '0644'
    - require:
      - file: zookeeper-data
    - watch_in:
      - service: zookeeper
{% endif %}

zookeeper-config:
  file.managed:
    - name: /etc/zookeeper/zoo.cfg
    - source: salt://zookeeper/files/zoo.cfg
    - template: jinja
    - context:
        config: {{ zookeeper | json }}
        members: {{ members | json }}
    - makedirs: True
    - mode: '0644'

zookeeper-logging:
  file.managed:
    - name: /etc/zookeeper/log4j.properties
    - source: salt://zookeeper/files/log4j.properties
    - makedirs: True
    - mode: '0644'

zookeeper-check:
  file.managed:
    - name: /usr/local/lib/saltern/zookeeper-check
    - source: salt://zookeeper/files/zookeeper-check
    - makedirs: True
    - mode: '0755'

zookeeper-unit:
  file.managed:
    - name: /etc/systemd/system/zookeeper.service
    - source: salt://zookeeper/files/zookeeper.service
    - template: jinja
    - context:
        config: {{ zookeeper | json }}
    - mode: '0644'

zookeeper:
  service.running:
    - enable: True
    - require:
      - file: zookeeper-check
    - watch:
      - pkg: zookeeper-packages
      - group: zookeeper-reads-tls-key
      - file: zookeeper-config
      - file: zookeeper-logging
      - file: zookeeper-unit
      - pki: host-certificate
