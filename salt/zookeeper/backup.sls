{% from tpldir ~ '/map.jinja' import zookeeper with context %}

zookeeper-backup:
  file.managed:
    - name: /etc/saltern/backup.d/zookeeper
    - source: salt://zookeeper/files/backup
    - template: jinja
    - context:
        config: {{ zookeeper | json }}
    - makedirs: True
    - mode: '0644'
