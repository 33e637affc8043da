"""What a freshly initialised site holds, as the real server's ``init`` makes it."""

DEFAULT_GROUPS = (
    ("Administrators", "Gerrit Site Administrators", False),
    ("Service Users", "Users who perform batch actions on Gerrit", True),
    ("Blocked Users", "Blocked users. Add spammers to this group.", False),
)
_CODE_REVIEW = """\
[label "Code-Review"]
	function = NoBlock
	defaultValue = 0
	value = -2 This shall not be submitted
	value = -1 I would prefer this is not submitted as is
	value = 0 No score
	value = +1 Looks good to me, but someone else must approve
	value = +2 Looks good to me, approved
	copyCondition = changekind:NO_CHANGE OR changekind:TRIVIAL_REBASE OR is:MIN
"""
ALL_PROJECTS = (
    """\
[project]
	description = Access inherited by all other projects.
[receive]
	requireContributorAgreement = false
	requireSignedOffBy = false
	requireChangeId = true
	enableSignedPush = false
[submit]
	mergeContent = true
[capability]
	administrateServer = group Administrators
	priority = batch group Service Users
	streamEvents = group Service Users
[access "refs/*"]
	read = group Administrators
	read = block group Blocked Users
[access "refs/for/*"]
	addPatchSet = group Registered Users
	push = group Registered Users
	pushMerge = group Registered Users
[access "refs/heads/*"]
	create = group Administrators
	create = group Project Owners
	editTopicName = +force group Administrators
	editTopicName = +force group Project Owners
	forgeAuthor = group Registered Users
	forgeCommitter = group Administrators
	forgeCommitter = group Project Owners
	label-Code-Review = -2..+2 group Administrators
	label-Code-Review = -2..+2 group Project Owners
	label-Code-Review = -1..+1 group Registered Users
	read = group Anonymous Users
	revert = group Administrators
	revert = group Project Owners
	submit = group Administrators
	submit = group Project Owners
[access "refs/meta/config"]
	exclusiveGroupPermissions = read
	create = group Administrators
	create = group Project Owners
	label-Code-Review = -2..+2 group Administrators
	label-Code-Review = -2..+2 group Project Owners
	read = group Administrators
	read = group Project Owners
	submit = group Administrators
	submit = group Project Owners
[access "refs/meta/version"]
	read = group Anonymous Users
[access "refs/tags/*"]
	create = group Administrators
	create = group Project Owners
	createSignedTag = group Administrators
	createSignedTag = group Project Owners
	createTag = group Administrators
	createTag = group Project Owners
"""
    + _CODE_REVIEW
    + """\
[submit-requirement "Code-Review"]
	description = Changes must have at least one MAX Code-Review vote and no MIN to be submittable.
	submittableIf = label:Code-Review=MAX AND -label:Code-Review=MIN
	canOverrideInChildProjects = true
[submit-requirement "No-Unresolved-Comments"]
	description = Changes that have unresolved comments are not submittable.
	applicableIf = has:unresolved
	submittableIf = -has:unresolved
	canOverrideInChildProjects = false
"""
)
ALL_USERS = (
    """\
[project]
	description = Individual user settings and preferences.
[access "refs/groups/*"]
	exclusiveGroupPermissions = read
	read = group Registered Users
[access "refs/users/${shardeduserid}"]
	exclusiveGroupPermissions = label-Code-Review push read submit
	label-Code-Review = -2..+2 group Registered Users
	push = group Registered Users
	read = group Registered Users
	submit = group Registered Users
[access "refs/users/default"]
	exclusiveGroupPermissions = create push read
	create = group Administrators
	push = group Administrators
	read = group Administrators
"""
    + _CODE_REVIEW
)
