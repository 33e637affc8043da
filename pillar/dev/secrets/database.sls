# A fake one, for development.
{% set password = 'not-a-secret-database' %}
postgresql:
  databases:
    zuul:
      password: {{ password }}
zuul:
  database:
    password: {{ password }}
