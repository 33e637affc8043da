{% from tpldir ~ '/map.jinja' import tls with context %}
{% set names = [opts.id] + pillar.site.hosts[opts.id].get('aliases', []) %}
ssh-host-certificate:
  pki.ssh_host:
    - name: /etc/ssh/ssh_host_ed25519_key
    - hosts: {{ names | json }}
    - renew_days: {{ tls.ssh_renew_days }}
    - timeout: {{ tls.timeout }}

ssh-host-certificate-config:
  file.managed:
    - name: /etc/ssh/sshd_config.d/20-host-certificate.conf
    - source: salt://tls/files/host-certificate.conf
    - mode: '0644'
    - makedirs: True

# sshd reads the certificate when it starts or reloads; on a host where it does not run yet,
# nothing is to be done.
ssh-reload:
  cmd.run:
    - name: systemctl try-reload-or-restart ssh.service
    - onchanges:
      - pki: ssh-host-certificate
      - file: ssh-host-certificate-config

# ssh knows every host of the site by its certificate.
ssh-authority:
  file.managed:
    - name: /etc/ssh/ssh_known_hosts2
    - source: salt://tls/files/ssh_known_hosts2
    - template: jinja
    - mode: '0644'
    - makedirs: True
