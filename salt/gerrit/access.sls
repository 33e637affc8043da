# What the service account of Saltern needs on every project and does not have by default: even
# administrators may not push refs/meta/config. The group is the pillar's saltern:service_group.
{% set group = salt['pillar.get']('saltern:service_group', 'Administrators') | json %}
All-Projects:
  gerrit.access_present:
    - grants:
        refs/meta/config:
          read: { {{ group }}: {} }
          create: { {{ group }}: {} }
          push: { {{ group }}: {} }
          forgeCommitter: { {{ group }}: {} }
        refs/heads/*:
          create: { {{ group }}: {} }
          push: { {{ group }}: {} }
          pushMerge: { {{ group }}: {} }
          forgeAuthor: { {{ group }}: {} }
          forgeCommitter: { {{ group }}: {} }
          forgeServerAsCommitter: { {{ group }}: {} }
        refs/tags/*:
          create: { {{ group }}: {} }
          push: { {{ group }}: {} }
          pushMerge: { {{ group }}: {} }
          createTag: { {{ group }}: {} }
          createSignedTag: { {{ group }}: {} }
          forgeAuthor: { {{ group }}: {} }
          forgeCommitter: { {{ group }}: {} }
          forgeServerAsCommitter: { {{ group }}: {} }
