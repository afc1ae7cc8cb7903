-- The Legito project: its catalogue, one environment, and the flows F1, F2, F6 and F11 as suites.
-- No secrets: give the environment its own with set_secret (legito_api_key, legito_private_key), and
-- point its base_url at a real workspace to run there. Everything that depends on the workspace is
-- found by the tests themselves.

insert into public.organizations (id, name)
values ('5e9d0000-0000-4000-8000-000000000001', 'Legito');

insert into public.projects (id, organization_id, name, description)
values (
    '5e9d0000-0000-4000-8000-000000000002',
    '5e9d0000-0000-4000-8000-000000000001',
    'Legito',
    'The REST API of Legito, version 7.'
);

insert into public.environments (id, project_id, name, base_url, max_parallel)
values (
    '5e9d0000-0000-4000-8000-000000000003',
    '5e9d0000-0000-4000-8000-000000000002',
    'demo',
    'http://127.0.0.1:54330/api/v7',
    10
);

-- Legito has no token endpoint: a client signs its own short-lived token.
insert into public.api_credentials (organization_id, name, auth)
values (
    '5e9d0000-0000-4000-8000-000000000001',
    'legito',
    '{"kind": "jwt_hs256", "issuer": "{{legito_api_key}}", "secret": "{{legito_private_key}}", "ttl_s": 3600}'
);

-- Anonymizing is a GET that destroys: a lost one must never be sent again.
insert into public.api_endpoints (project_id, method, path, is_safe)
select
    '5e9d0000-0000-4000-8000-000000000002',
    endpoints.method,
    endpoints.path,
    endpoints.method = 'GET' and endpoints.path not like '%/anonymize/%'
from (
    values
    ('GET', '/info'),
    ('GET', '/advanced-style'),
    ('GET', '/category'),
    ('GET', '/country'),
    ('GET', '/currency'),
    ('GET', '/language'),
    ('GET', '/timezone'),
    ('GET', '/property'),
    ('GET', '/property-group'),
    ('GET', '/template-suite'),
    ('GET', '/workflow'),
    ('GET', '/workflow/revision/{workflowRevisionId}'),
    ('GET', '/document-record'),
    ('POST', '/document-record'),
    ('PUT', '/document-record/{code}'),
    ('DELETE', '/document-record/{code}'),
    ('GET', '/document-record/anonymize/{code}'),
    ('GET', '/document-version/data/{code}'),
    ('POST', '/document-version/data/{templateSuiteId}'),
    ('PUT', '/document-version/data/{documentRecordCode}'),
    ('GET', '/document-version/download/{code}/{format}'),
    ('POST', '/document-version/json-integration'),
    ('GET', '/document-record-type'),
    ('POST', '/document-record-type'),
    ('PUT', '/document-record-type/{documentRecordTypeId}'),
    ('DELETE', '/document-record-type/{documentRecordTypeId}'),
    ('GET', '/label'),
    ('POST', '/label'),
    ('DELETE', '/label/{labelId}'),
    ('GET', '/template-tag'),
    ('POST', '/template-tag'),
    ('GET', '/file/{documentRecordCode}'),
    ('POST', '/file/{documentRecordCode}'),
    ('GET', '/file/download/{fileId}'),
    ('DELETE', '/file/{fileId}'),
    ('GET', '/share/{code}'),
    ('POST', '/share/user/{code}'),
    ('DELETE', '/share/user/{code}/{userIdOrEmail}'),
    ('POST', '/share/user-group/{code}'),
    ('DELETE', '/share/user-group/{code}/{userGroupId}'),
    ('POST', '/share/external-link/{code}'),
    ('PUT', '/share/external-link/{externalLinkId}'),
    ('DELETE', '/share/external-link/{externalLinkId}'),
    ('GET', '/user'),
    ('POST', '/user'),
    ('PUT', '/user/{userIdOrEmail}'),
    ('DELETE', '/user/{userIdOrEmail}'),
    ('GET', '/user/permission/{userIdOrEmail}'),
    ('PUT', '/user/permission/{userIdOrEmail}'),
    ('GET', '/notification-setting/{userIdOrEmail}'),
    ('PUT', '/notification-setting/{userIdOrEmail}'),
    ('GET', '/user-group'),
    ('POST', '/user-group'),
    ('PUT', '/user-group/{userGroupId}'),
    ('DELETE', '/user-group/{userGroupId}'),
    ('POST', '/user-group/user/{userGroupId}'),
    ('DELETE', '/user-group/user/{userGroupId}/{userIdOrEmail}'),
    ('GET', '/object'),
    ('GET', '/object-record/{objectId}'),
    ('POST', '/object-record/{objectId}'),
    ('PUT', '/object-record/{systemName}'),
    ('DELETE', '/object-record/{systemName}'),
    ('GET', '/event'),
    ('GET', '/push-connection'),
    ('POST', '/push-connection'),
    ('DELETE', '/push-connection/{pushConnectionId}')
) as endpoints (method, path);

insert into public.test_suites (project_id, name, description, auth)
select
    '5e9d0000-0000-4000-8000-000000000002',
    suites.name,
    suites.description,
    '{"credential": "legito"}'
from (
    values
    ('Reference data', 'Lists that every workspace has, each read once.'),
    ('Document life cycle', 'F1: create, read, change, download, rename, list and delete a document.'),
    ('Users and groups', 'F2: a user and a group, membership, and the refusal of a second group of the same name.'),
    ('Files', 'F6: upload, list, download and delete a file of a record.'),
    ('Simple lists', 'F11: labels and record types, created and deleted.')
) as suites (name, description);

insert into public.test_data_fixtures (project_id, name, rows)
values
(
    '5e9d0000-0000-4000-8000-000000000002',
    'download formats',
    '[
        {"key": "pdf", "values": {"format": "pdf", "extension": "pdf"}},
        {"key": "pdfa", "values": {"format": "pdfa", "extension": "pdf"}},
        {"key": "docx", "values": {"format": "docx", "extension": "docx"}},
        {"key": "html", "values": {"format": "html", "extension": "html"}},
        {"key": "rtf", "values": {"format": "rtf", "extension": "rtf"}},
        {"key": "odt", "values": {"format": "odt", "extension": "odt"}},
        {"key": "txt", "values": {"format": "txt", "extension": "txt"}}
    ]'
);

-- One entry a test. after: dependencies that {{names}} do not imply, by the other test's name.
with given as materialized (
    select
        tests.*,
        row_number() over () as position
    from jsonb_to_recordset($tests$[
        {
            "suite": "Reference data", "name": "The system tells its version",
            "method": "GET", "path": "/info", "endpoint": "/info",
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "header", "name": "content-type", "operator": "contains", "expected": "application/json"},
                {"source": "body", "path": "$.version", "operator": "type", "expected": "string"},
                {"source": "body", "path": "$.version", "operator": "matches", "expected": "^[0-9]+([.][0-9]+)+"},
                {"source": "duration", "operator": "less_than", "expected": 5000}
            ]
        },
        {
            "suite": "Reference data", "name": "Template suites are listed with their templates",
            "method": "GET", "path": "/template-suite", "endpoint": "/template-suite",
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "header", "name": "content-type", "operator": "contains", "expected": "application/json"},
                {"source": "body", "path": "$", "operator": "type", "expected": "array"},
                {"source": "body", "path": "$", "operator": "not_equals", "expected": []},
                {"source": "body", "path": "$[0].id", "operator": "type", "expected": "number"},
                {"source": "body", "path": "$[0].title", "operator": "type", "expected": "string"},
                {"source": "body", "path": "$[0].templates[0].id", "operator": "exists"},
                {"source": "body", "path": "$[0].templates[0].type", "operator": "one_of", "expected": ["document", "form", "table", "json_integration"]}
            ]
        },
        {
            "suite": "Reference data", "name": "Countries are listed",
            "method": "GET", "path": "/country", "endpoint": "/country",
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "header", "name": "content-type", "operator": "contains", "expected": "application/json"},
                {"source": "body", "path": "$", "operator": "type", "expected": "array"},
                {"source": "body", "path": "$[0].id", "operator": "exists"},
                {"source": "body", "path": "$[0].name", "operator": "exists"},
                {"source": "body", "path": "$[0].code", "operator": "exists"},
                {"source": "body", "path": "$[0].defaultLang", "operator": "exists"}
            ]
        },
        {
            "suite": "Reference data", "name": "Currencies are listed",
            "method": "GET", "path": "/currency", "endpoint": "/currency",
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "body", "path": "$", "operator": "type", "expected": "array"},
                {"source": "body", "path": "$[0].id", "operator": "type", "expected": "number"},
                {"source": "body", "path": "$[0].currency", "operator": "matches", "expected": "^[A-Z]{3}$"},
                {"source": "body", "path": "$[*].currency", "operator": "contains", "expected": "EUR"}
            ]
        },
        {
            "suite": "Reference data", "name": "Languages are listed",
            "method": "GET", "path": "/language", "endpoint": "/language",
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "body", "path": "$[0].id", "operator": "type", "expected": "number"},
                {"source": "body", "path": "$[0].locale", "operator": "matches", "expected": "^[a-z]{2}"},
                {"source": "body", "path": "$[0].name", "operator": "type", "expected": "string"}
            ]
        },
        {
            "suite": "Reference data", "name": "Time zones are listed by their PHP name",
            "method": "GET", "path": "/timezone", "endpoint": "/timezone",
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "header", "name": "content-type", "operator": "contains", "expected": "application/json"},
                {"source": "body", "path": "$", "operator": "type", "expected": "array"},
                {"source": "body", "path": "$[0].timezone", "operator": "exists"},
                {"source": "body", "path": "$[0].code", "operator": "exists"},
                {"source": "body", "path": "$[0].gmtOffset", "operator": "exists"},
                {"source": "body", "path": "$[0].dstOffset", "operator": "exists"},
                {"source": "body", "path": "$[0].rawOffset", "operator": "exists"}
            ]
        },
        {
            "suite": "Reference data", "name": "Categories are listed",
            "method": "GET", "path": "/category", "endpoint": "/category",
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "header", "name": "content-type", "operator": "contains", "expected": "application/json"},
                {"source": "body", "path": "$", "operator": "type", "expected": "array"}
            ]
        },
        {
            "suite": "Reference data", "name": "Advanced styles are listed",
            "method": "GET", "path": "/advanced-style", "endpoint": "/advanced-style",
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "header", "name": "content-type", "operator": "contains", "expected": "application/json"},
                {"source": "body", "path": "$", "operator": "type", "expected": "array"}
            ]
        },
        {
            "suite": "Reference data", "name": "Properties are listed",
            "method": "GET", "path": "/property", "endpoint": "/property",
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "header", "name": "content-type", "operator": "contains", "expected": "application/json"},
                {"source": "body", "path": "$", "operator": "type", "expected": "array"},
                {"source": "body", "path": "$[0].id", "operator": "exists"},
                {"source": "body", "path": "$[0].systemName", "operator": "exists"},
                {"source": "body", "path": "$[0].type", "operator": "exists"}
            ]
        },
        {
            "suite": "Reference data", "name": "Property groups carry their properties",
            "method": "GET", "path": "/property-group", "endpoint": "/property-group",
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "header", "name": "content-type", "operator": "contains", "expected": "application/json"},
                {"source": "body", "path": "$", "operator": "type", "expected": "array"},
                {"source": "body", "path": "$[0].id", "operator": "exists"},
                {"source": "body", "path": "$[0].name", "operator": "exists"},
                {"source": "body", "path": "$[0].properties", "operator": "exists"}
            ]
        },
        {
            "suite": "Reference data", "name": "Template tags are listed",
            "method": "GET", "path": "/template-tag", "endpoint": "/template-tag",
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "header", "name": "content-type", "operator": "contains", "expected": "application/json"},
                {"source": "body", "path": "$", "operator": "type", "expected": "array"}
            ]
        },
        {
            "suite": "Reference data", "name": "Push connections are listed",
            "method": "GET", "path": "/push-connection", "endpoint": "/push-connection",
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "header", "name": "content-type", "operator": "contains", "expected": "application/json"},
                {"source": "body", "path": "$", "operator": "type", "expected": "array"}
            ]
        },
        {
            "suite": "Reference data", "name": "Workflows are listed with their revisions",
            "method": "GET", "path": "/workflow", "endpoint": "/workflow",
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "body", "path": "$", "operator": "type", "expected": "array"},
                {"source": "body", "path": "$[0].type", "operator": "one_of", "expected": ["any", "documentRecord", "documentRecordTemplate", "documentRecordExternal", "objectRecord"]}
            ],
            "captures": [
                {"name": "workflowRevisionId", "source": "body", "path": "$[0].workflowRevisions[0].id"}
            ]
        },
        {
            "suite": "Reference data", "name": "A workflow revision has elements and links",
            "method": "GET", "path": "/workflow/revision/{{workflowRevisionId}}", "endpoint": "/workflow/revision/{workflowRevisionId}",
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "body", "path": "$..elements", "operator": "exists"},
                {"source": "body", "path": "$..links", "operator": "exists"},
                {"source": "text", "operator": "contains", "expected": "\"workflowId\""}
            ]
        },
        {
            "suite": "Reference data", "name": "Objects are listed, twenty at a time",
            "method": "GET", "path": "/object", "endpoint": "/object",
            "query": [["limit", "20"]],
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "body", "path": "$", "operator": "type", "expected": "array"},
                {"source": "body", "path": "$[0].name", "operator": "type", "expected": "string"}
            ],
            "captures": [
                {"name": "objectId", "source": "body", "path": "$[0].id"}
            ]
        },
        {
            "suite": "Reference data", "name": "Records of an object are listed",
            "method": "GET", "path": "/object-record/{{objectId}}", "endpoint": "/object-record/{objectId}",
            "query": [["limit", "5"]],
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "body", "path": "$", "operator": "type", "expected": "array"},
                {"source": "body", "path": "$[0].objectId", "operator": "equals", "expected": "{{objectId}}"},
                {"source": "body", "path": "$[0].systemName", "operator": "matches", "expected": "^[0-9a-f-]{36}$"}
            ]
        },
        {
            "suite": "Reference data", "name": "The user list honours its limit",
            "method": "GET", "path": "/user", "endpoint": "/user",
            "query": [["limit", "1"]],
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "body", "path": "$", "operator": "length", "expected": 1},
                {"source": "body", "path": "$[0].email", "operator": "contains", "expected": "@"}
            ]
        },
        {
            "suite": "Document life cycle", "name": "Find a template suite", "phase": "setup",
            "method": "GET", "path": "/template-suite", "endpoint": "/template-suite",
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "body", "path": "$[0].id", "operator": "exists"}
            ],
            "captures": [
                {"name": "templateSuiteId", "source": "body", "path": "$[0].id"}
            ]
        },
        {
            "suite": "Document life cycle", "name": "Create a document from the suite's defaults", "phase": "setup",
            "method": "POST", "path": "/document-version/data/{{templateSuiteId}}", "endpoint": "/document-version/data/{templateSuiteId}",
            "body": {"kind": "json", "value": []},
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 201},
                {"source": "header", "name": "content-type", "operator": "contains", "expected": "application/json"},
                {"source": "body", "path": "$.templateSuiteId", "operator": "equals", "expected": "{{templateSuiteId}}"},
                {"source": "body", "path": "$.code", "operator": "exists"},
                {"source": "body", "path": "$.documentRecordCode", "operator": "exists"}
            ],
            "captures": [
                {"name": "firstVersionCode", "source": "body", "path": "$.code"},
                {"name": "firstVersionId", "source": "body", "path": "$.id"},
                {"name": "recordCode", "source": "body", "path": "$.documentRecordCode"},
                {"name": "recordId", "source": "body", "path": "$.documentRecordId"}
            ]
        },
        {
            "suite": "Document life cycle", "name": "Read the first version and find a text element",
            "method": "GET", "path": "/document-version/data/{{firstVersionCode}}", "endpoint": "/document-version/data/{code}",
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "body", "path": "$", "operator": "type", "expected": "array"},
                {"source": "body", "path": "$[?(@.type =~ \"^[Tt]ext[Ii]nput$\")].name", "operator": "not_equals", "expected": []}
            ],
            "captures": [
                {"name": "textElements", "source": "body", "path": "$[?(@.type =~ \"^[Tt]ext[Ii]nput$\")]"}
            ]
        },
        {
            "suite": "Document life cycle", "name": "Change the text: a new version of the same record",
            "method": "PUT", "path": "/document-version/data/{{recordCode}}", "endpoint": "/document-version/data/{documentRecordCode}",
            "body": {"kind": "json", "value": [{"name": "{{textElements[0].name}}", "value": "Assay {{recordCode}}"}]},
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "body", "path": "$.parentId", "operator": "equals", "expected": "{{firstVersionId}}"},
                {"source": "body", "path": "$.documentRecordId", "operator": "equals", "expected": "{{recordId}}"},
                {"source": "body", "path": "$.code", "operator": "not_equals", "expected": "{{firstVersionCode}}"}
            ],
            "captures": [
                {"name": "secondVersionCode", "source": "body", "path": "$.code"}
            ]
        },
        {
            "suite": "Document life cycle", "name": "Read the new version back",
            "method": "GET", "path": "/document-version/data/{{secondVersionCode}}", "endpoint": "/document-version/data/{code}",
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "body", "path": "$[?(@.type =~ \"^[Tt]ext[Ii]nput$\")].value", "operator": "contains", "expected": "Assay {{recordCode}}"},
                {"source": "body", "path": "$[?(@.type =~ \"^[Tt]ext[Ii]nput$\")].name", "operator": "contains", "expected": "{{textElements[0].name}}"}
            ],
            "captures": [
                {"name": "changedElements", "source": "body", "path": "$[?(@.type =~ \"^[Tt]ext[Ii]nput$\")]"}
            ]
        },
        {
            "suite": "Document life cycle", "name": "Rename the record after its content",
            "method": "PUT", "path": "/document-record/{{recordCode}}", "endpoint": "/document-record/{code}",
            "body": {"kind": "json", "value": {"name": "Record of {{changedElements[0].value}}"}},
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "body", "path": "$.name", "operator": "equals", "expected": "Record of {{changedElements[0].value}}"},
                {"source": "body", "path": "$.code", "operator": "equals", "expected": "{{recordCode}}"},
                {"source": "body", "path": "$.deleted", "operator": "equals", "expected": false}
            ],
            "captures": [
                {"name": "recordName", "source": "body", "path": "$.name"}
            ]
        },
        {
            "suite": "Document life cycle", "name": "List the record by its code, both versions inside",
            "method": "GET", "path": "/document-record", "endpoint": "/document-record",
            "query": [["code", "{{recordCode}}"]],
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "body", "path": "$", "operator": "length", "expected": 1},
                {"source": "body", "path": "$[0].name", "operator": "equals", "expected": "{{recordName}}"},
                {"source": "body", "path": "$[0].id", "operator": "equals", "expected": "{{recordId}}"},
                {"source": "body", "path": "$[0].documentVersions", "operator": "length", "expected": 2}
            ],
            "captures": [
                {"name": "listedRecordId", "source": "body", "path": "$[0].id"},
                {"name": "ownerId", "source": "body", "path": "$[0].ownerId"}
            ]
        },
        {
            "suite": "Document life cycle", "name": "The audit trail knows the record",
            "method": "GET", "path": "/event", "endpoint": "/event",
            "query": [["documentRecordId", "{{listedRecordId}}"], ["limit", "100"]],
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "body", "path": "$", "operator": "type", "expected": "array"},
                {"source": "body", "path": "$[0].documentRecordId", "operator": "equals", "expected": "{{listedRecordId}}"},
                {"source": "text", "operator": "contains", "expected": "DocumentRecordCreated"}
            ]
        },
        {
            "suite": "Document life cycle", "name": "The owner of the record is a user",
            "method": "GET", "path": "/user", "endpoint": "/user",
            "query": [["id", "{{ownerId}}"]],
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "body", "path": "$", "operator": "length", "expected": 1},
                {"source": "body", "path": "$[0].id", "operator": "equals", "expected": "{{ownerId}}"}
            ]
        },
        {
            "suite": "Document life cycle", "name": "The first version still has its first value",
            "method": "GET", "path": "/document-version/data/{{firstVersionCode}}", "endpoint": "/document-version/data/{code}",
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "body", "path": "$[?(@.type =~ \"^[Tt]ext[Ii]nput$\")].value", "operator": "contains", "expected": "{{textElements[0].value}}"},
                {"source": "body", "path": "$[?(@.type =~ \"^[Tt]ext[Ii]nput$\")].value", "operator": "not_contains", "expected": "Assay {{recordCode}}"}
            ],
            "after": [{"test": "Change the text: a new version of the same record", "kind": "order"}]
        },
        {
            "suite": "Document life cycle", "name": "The same data as a tree",
            "method": "GET", "path": "/document-version/data/{{secondVersionCode}}", "endpoint": "/document-version/data/{code}",
            "query": [["listType", "tree"]],
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "body", "path": "$", "operator": "type", "expected": "array"},
                {"source": "body", "path": "$..children", "operator": "exists"}
            ]
        },
        {
            "suite": "Document life cycle", "name": "Download in each format",
            "method": "GET", "path": "/document-version/download/{{secondVersionCode}}/{{format}}", "endpoint": "/document-version/download/{code}/{format}",
            "fixture": "download formats",
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "body", "path": "$[0].size", "operator": "greater_than", "expected": 0},
                {"source": "body", "path": "$[0].fileName", "operator": "matches", "expected": "[.]{{extension}}$"},
                {"source": "body", "path": "$[0].data", "operator": "type", "expected": "string"},
                {"source": "body", "path": "$[0].data", "operator": "not_equals", "expected": ""},
                {"source": "body", "path": "$[0].documentRecordCode", "operator": "equals", "expected": "{{recordCode}}"},
                {"source": "duration", "operator": "less_or_equal", "expected": 30000}
            ]
        },
        {
            "suite": "Document life cycle", "name": "Downloading an unknown document is a 404",
            "method": "GET", "path": "/document-version/download/{{$uuid}}/pdf", "endpoint": "/document-version/download/{code}/{format}",
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 404},
                {"source": "text", "operator": "not_contains", "expected": "fileName"}
            ]
        },
        {
            "suite": "Document life cycle", "name": "Share the record by an external link",
            "method": "POST", "path": "/share/external-link/{{recordCode}}", "endpoint": "/share/external-link/{code}",
            "body": {"kind": "json", "value": [{"active": true, "type": "document", "permission": "READ"}]},
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 201},
                {"source": "body", "path": "$", "operator": "length", "expected": 1},
                {"source": "body", "path": "$[0].active", "operator": "equals", "expected": true}
            ],
            "captures": [
                {"name": "linkId", "source": "body", "path": "$[0].id"},
                {"name": "linkSlug", "source": "body", "path": "$[0].link", "kind": "token"}
            ]
        },
        {
            "suite": "Document life cycle", "name": "Switch the external link off",
            "method": "PUT", "path": "/share/external-link/{{linkId}}", "endpoint": "/share/external-link/{externalLinkId}",
            "body": {"kind": "json", "value": {"active": false}},
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 201},
                {"source": "body", "path": "$.active", "operator": "equals", "expected": false},
                {"source": "body", "path": "$.link", "operator": "equals", "expected": "{{linkSlug}}"}
            ],
            "after": [{"test": "Share the record by an external link", "kind": "token"}]
        },
        {
            "suite": "Document life cycle", "name": "Delete the external link", "phase": "teardown",
            "method": "DELETE", "path": "/share/external-link/{{linkId}}", "endpoint": "/share/external-link/{externalLinkId}",
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "body", "path": "$.code", "operator": "equals", "expected": 200}
            ]
        },
        {
            "suite": "Document life cycle", "name": "Delete the record", "phase": "teardown",
            "method": "DELETE", "path": "/document-record/{{recordCode}}", "endpoint": "/document-record/{code}",
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "body", "path": "$.code", "operator": "equals", "expected": "{{recordCode}}"}
            ],
            "after": [{"test": "Delete the external link", "kind": "order"}]
        },
        {
            "suite": "Document life cycle", "name": "The deleted record is listed as deleted", "phase": "teardown",
            "method": "GET", "path": "/document-record", "endpoint": "/document-record",
            "query": [["code", "{{recordCode}}"], ["deleted", "true"]],
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "body", "path": "$", "operator": "length", "expected": 1},
                {"source": "body", "path": "$[0].deleted", "operator": "equals", "expected": true}
            ],
            "after": [{"test": "Delete the record", "kind": "order"}]
        },
        {
            "suite": "Document life cycle", "name": "The deleted record is gone from the active ones", "phase": "teardown",
            "method": "GET", "path": "/document-record", "endpoint": "/document-record",
            "query": [["code", "{{recordCode}}"], ["deleted", "false"]],
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "body", "path": "$", "operator": "equals", "expected": []}
            ],
            "after": [{"test": "Delete the record", "kind": "order"}]
        },
        {
            "suite": "Users and groups", "name": "Create a user from an array body", "phase": "setup",
            "method": "POST", "path": "/user", "endpoint": "/user",
            "body": {"kind": "json", "value": [{"email": "assay-{{$uuid}}@example.com", "name": "Assay test user", "position": "Tester", "timezone": "Europe/Prague"}]},
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 201},
                {"source": "header", "name": "content-type", "operator": "contains", "expected": "application/json"},
                {"source": "body", "path": "$", "operator": "length", "expected": 1},
                {"source": "body", "path": "$[0].id", "operator": "type", "expected": "number"},
                {"source": "body", "path": "$[0].email", "operator": "matches", "expected": "^assay-[0-9a-f-]{36}@example[.]com$"}
            ],
            "captures": [
                {"name": "userId", "source": "body", "path": "$[0].id"},
                {"name": "userEmail", "source": "body", "path": "$[0].email"}
            ]
        },
        {
            "suite": "Users and groups", "name": "Create a group", "phase": "setup",
            "method": "POST", "path": "/user-group", "endpoint": "/user-group",
            "body": {"kind": "json", "value": {"name": "Assay group {{$uuid}}"}},
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 201},
                {"source": "body", "path": "$.id", "operator": "type", "expected": "number"},
                {"source": "body", "path": "$.name", "operator": "contains", "expected": "Assay group"}
            ],
            "captures": [
                {"name": "groupId", "source": "body", "path": "$.id"},
                {"name": "groupName", "source": "body", "path": "$.name"}
            ]
        },
        {
            "suite": "Users and groups", "name": "Find the user by id",
            "method": "GET", "path": "/user", "endpoint": "/user",
            "query": [["id", "{{userId}}"]],
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "body", "path": "$", "operator": "length", "expected": 1},
                {"source": "body", "path": "$[0].email", "operator": "equals", "expected": "{{userEmail}}"},
                {"source": "body", "path": "$[0].sessionExpiration", "operator": "greater_or_equal", "expected": 0}
            ]
        },
        {
            "suite": "Users and groups", "name": "Find the user by e-mail",
            "method": "GET", "path": "/user", "endpoint": "/user",
            "query": [["email", "{{userEmail}}"]],
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "body", "path": "$", "operator": "length", "expected": 1},
                {"source": "body", "path": "$[0].id", "operator": "equals", "expected": "{{userId}}"}
            ]
        },
        {
            "suite": "Users and groups", "name": "Rename the user: a PUT that answers 201",
            "method": "PUT", "path": "/user/{{userId}}", "endpoint": "/user/{userIdOrEmail}",
            "body": {"kind": "json", "value": {"name": "Assay renamed user"}},
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 201},
                {"source": "body", "path": "$.status", "operator": "exists"}
            ],
            "after": [{"test": "Find the user by id", "kind": "order"}]
        },
        {
            "suite": "Users and groups", "name": "The user has the new name",
            "method": "GET", "path": "/user", "endpoint": "/user",
            "query": [["id", "{{userId}}"]],
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "body", "path": "$[0].name", "operator": "equals", "expected": "Assay renamed user"}
            ],
            "after": [{"test": "Rename the user: a PUT that answers 201", "kind": "order"}]
        },
        {
            "suite": "Users and groups", "name": "A new user is no administrator",
            "method": "GET", "path": "/user/permission/{{userId}}", "endpoint": "/user/permission/{userIdOrEmail}",
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "body", "path": "$.admin", "operator": "equals", "expected": false},
                {"source": "body", "path": "$.autoShare", "operator": "one_of", "expected": ["MANAGE", "EDIT", "READ", "LIST", "NONE"]}
            ]
        },
        {
            "suite": "Users and groups", "name": "Permissions of an unknown user are a 404",
            "method": "GET", "path": "/user/permission/assay-{{$uuid}}@example.com", "endpoint": "/user/permission/{userIdOrEmail}",
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 404}
            ]
        },
        {
            "suite": "Users and groups", "name": "A second group of the same name is refused with 403",
            "method": "POST", "path": "/user-group", "endpoint": "/user-group",
            "body": {"kind": "json", "value": {"name": "{{groupName}}"}},
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 403},
                {"source": "body", "path": "$.message", "operator": "type", "expected": "string"},
                {"source": "body", "path": "$.id", "operator": "not_exists"}
            ]
        },
        {
            "suite": "Users and groups", "name": "Add the user to the group",
            "method": "POST", "path": "/user-group/user/{{groupId}}", "endpoint": "/user-group/user/{userGroupId}",
            "body": {"kind": "json", "value": [{"id": "{{userId}}", "permission": "READ"}]},
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "body", "path": "$.status", "operator": "equals", "expected": "OK"}
            ]
        },
        {
            "suite": "Users and groups", "name": "The group lists its new member",
            "method": "GET", "path": "/user-group", "endpoint": "/user-group",
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "body", "path": "$[*].id", "operator": "contains", "expected": "{{groupId}}"},
                {"source": "body", "path": "$[*].users[*].id", "operator": "contains", "expected": "{{userId}}"},
                {"source": "text", "operator": "contains", "expected": "{{userEmail}}"}
            ],
            "after": [{"test": "Add the user to the group", "kind": "order"}]
        },
        {
            "suite": "Users and groups", "name": "Rename the group",
            "method": "PUT", "path": "/user-group/{{groupId}}", "endpoint": "/user-group/{userGroupId}",
            "body": {"kind": "json", "value": {"name": "{{groupName}} renamed"}},
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "body", "path": "$.id", "operator": "equals", "expected": "{{groupId}}"},
                {"source": "body", "path": "$.name", "operator": "equals", "expected": "{{groupName}} renamed"}
            ],
            "after": [{"test": "A second group of the same name is refused with 403", "kind": "order"}]
        },
        {
            "suite": "Users and groups", "name": "Take the user out of the group",
            "method": "DELETE", "path": "/user-group/user/{{groupId}}/{{userId}}", "endpoint": "/user-group/user/{userGroupId}/{userIdOrEmail}",
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "body", "path": "$.status", "operator": "equals", "expected": "OK"}
            ],
            "after": [{"test": "The group lists its new member", "kind": "order"}]
        },
        {
            "suite": "Users and groups", "name": "The group has lost its member",
            "method": "GET", "path": "/user-group", "endpoint": "/user-group",
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "body", "path": "$[*].users[*].id", "operator": "not_contains", "expected": "{{userId}}"},
                {"source": "text", "operator": "not_contains", "expected": "{{userEmail}}"}
            ],
            "after": [{"test": "Take the user out of the group", "kind": "order"}]
        },
        {
            "suite": "Users and groups", "name": "Delete the group", "phase": "teardown",
            "method": "DELETE", "path": "/user-group/{{groupId}}", "endpoint": "/user-group/{userGroupId}",
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "body", "path": "$.status", "operator": "equals", "expected": "OK"}
            ]
        },
        {
            "suite": "Users and groups", "name": "Delete the user", "phase": "teardown",
            "method": "DELETE", "path": "/user/{{userId}}", "endpoint": "/user/{userIdOrEmail}",
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "body", "path": "$.status", "operator": "equals", "expected": "OK"}
            ],
            "after": [{"test": "Delete the group", "kind": "order"}]
        },
        {
            "suite": "Users and groups", "name": "The user is gone", "phase": "teardown",
            "method": "GET", "path": "/user", "endpoint": "/user",
            "query": [["id", "{{userId}}"]],
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "body", "path": "$", "operator": "equals", "expected": []}
            ],
            "after": [{"test": "Delete the user", "kind": "order"}]
        },
        {
            "suite": "Files", "name": "Create an external document to hold files", "phase": "setup",
            "method": "POST", "path": "/document-record", "endpoint": "/document-record",
            "body": {"kind": "json", "value": {"name": "Assay files {{$uuid}}"}},
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 201},
                {"source": "header", "name": "content-type", "operator": "contains", "expected": "application/json"},
                {"source": "body", "path": "$.externalDocument", "operator": "equals", "expected": true},
                {"source": "body", "path": "$.code", "operator": "type", "expected": "string"}
            ],
            "captures": [
                {"name": "fileRecordCode", "source": "body", "path": "$.code"},
                {"name": "fileRecordId", "source": "body", "path": "$.id"}
            ]
        },
        {
            "suite": "Files", "name": "Upload a file",
            "method": "POST", "path": "/file/{{fileRecordCode}}", "endpoint": "/file/{documentRecordCode}",
            "body": {"kind": "json", "value": {"fileName": "assay.txt", "data": "data:text/plain;base64,QXNzYXk=", "attachment": false}},
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 201},
                {"source": "body", "path": "$.fileName", "operator": "equals", "expected": "assay.txt"},
                {"source": "body", "path": "$.documentRecordId", "operator": "equals", "expected": "{{fileRecordId}}"},
                {"source": "body", "path": "$.attachment", "operator": "equals", "expected": false},
                {"source": "body", "path": "$.data", "operator": "not_exists"}
            ],
            "captures": [
                {"name": "fileId", "source": "body", "path": "$.id"}
            ]
        },
        {
            "suite": "Files", "name": "The record lists its file without data",
            "method": "GET", "path": "/file/{{fileRecordCode}}", "endpoint": "/file/{documentRecordCode}",
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "body", "path": "$", "operator": "length", "expected": 1},
                {"source": "body", "path": "$[0].id", "operator": "equals", "expected": "{{fileId}}"},
                {"source": "body", "path": "$[0].data", "operator": "not_exists"}
            ]
        },
        {
            "suite": "Files", "name": "The file comes back as it was sent",
            "method": "GET", "path": "/file/download/{{fileId}}", "endpoint": "/file/download/{fileId}",
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "body", "path": "$.id", "operator": "equals", "expected": "{{fileId}}"},
                {"source": "body", "path": "$.data", "operator": "contains", "expected": "QXNzYXk="},
                {"source": "body", "path": "$.size", "operator": "equals", "expected": 5}
            ]
        },
        {
            "suite": "Files", "name": "Delete the file", "phase": "teardown",
            "method": "DELETE", "path": "/file/{{fileId}}", "endpoint": "/file/{fileId}",
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "body", "path": "$.status", "operator": "equals", "expected": "OK"}
            ]
        },
        {
            "suite": "Files", "name": "The record has no files left", "phase": "teardown",
            "method": "GET", "path": "/file/{{fileRecordCode}}", "endpoint": "/file/{documentRecordCode}",
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "body", "path": "$", "operator": "length", "expected": 0}
            ],
            "after": [{"test": "Delete the file", "kind": "order"}]
        },
        {
            "suite": "Files", "name": "Delete the external document", "phase": "teardown",
            "method": "DELETE", "path": "/document-record/{{fileRecordCode}}", "endpoint": "/document-record/{code}",
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "body", "path": "$.code", "operator": "equals", "expected": "{{fileRecordCode}}"}
            ],
            "after": [{"test": "The record has no files left", "kind": "order"}]
        },
        {
            "suite": "Simple lists", "name": "Create a label: a POST that answers 200", "phase": "setup",
            "method": "POST", "path": "/label", "endpoint": "/label",
            "body": {"kind": "json", "value": {"name": "Assay label {{$uuid}}"}},
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "body", "path": "$.id", "operator": "type", "expected": "number"},
                {"source": "body", "path": "$.name", "operator": "contains", "expected": "Assay label"}
            ],
            "captures": [
                {"name": "labelId", "source": "body", "path": "$.id"},
                {"name": "labelName", "source": "body", "path": "$.name"}
            ]
        },
        {
            "suite": "Simple lists", "name": "Create a document record type", "phase": "setup",
            "method": "POST", "path": "/document-record-type", "endpoint": "/document-record-type",
            "body": {"kind": "json", "value": {"name": "Assay type {{$uuid}}"}},
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "body", "path": "$.id", "operator": "type", "expected": "number"},
                {"source": "body", "path": "$.name", "operator": "contains", "expected": "Assay type"}
            ],
            "captures": [
                {"name": "typeId", "source": "body", "path": "$.id"},
                {"name": "typeName", "source": "body", "path": "$.name"}
            ]
        },
        {
            "suite": "Simple lists", "name": "The label is listed",
            "method": "GET", "path": "/label", "endpoint": "/label",
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "body", "path": "$[*].id", "operator": "contains", "expected": "{{labelId}}"},
                {"source": "text", "operator": "contains", "expected": "{{labelName}}"}
            ]
        },
        {
            "suite": "Simple lists", "name": "The document record type is listed",
            "method": "GET", "path": "/document-record-type", "endpoint": "/document-record-type",
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "body", "path": "$[*].id", "operator": "contains", "expected": "{{typeId}}"},
                {"source": "text", "operator": "contains", "expected": "{{typeName}}"}
            ]
        },
        {
            "suite": "Simple lists", "name": "Rename the document record type",
            "method": "PUT", "path": "/document-record-type/{{typeId}}", "endpoint": "/document-record-type/{documentRecordTypeId}",
            "body": {"kind": "json", "value": {"name": "{{typeName}} renamed"}},
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "body", "path": "$.id", "operator": "equals", "expected": "{{typeId}}"},
                {"source": "body", "path": "$.name", "operator": "equals", "expected": "{{typeName}} renamed"}
            ],
            "after": [{"test": "The document record type is listed", "kind": "order"}]
        },
        {
            "suite": "Simple lists", "name": "The list has the new name",
            "method": "GET", "path": "/document-record-type", "endpoint": "/document-record-type",
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "text", "operator": "contains", "expected": "{{typeName}} renamed"}
            ],
            "after": [{"test": "Rename the document record type", "kind": "order"}]
        },
        {
            "suite": "Simple lists", "name": "Delete the label", "phase": "teardown",
            "method": "DELETE", "path": "/label/{{labelId}}", "endpoint": "/label/{labelId}",
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "body", "path": "$.status", "operator": "equals", "expected": "OK"}
            ]
        },
        {
            "suite": "Simple lists", "name": "The label is no longer listed", "phase": "teardown",
            "method": "GET", "path": "/label", "endpoint": "/label",
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "text", "operator": "not_contains", "expected": "{{labelName}}"}
            ],
            "after": [{"test": "Delete the label", "kind": "order"}]
        },
        {
            "suite": "Simple lists", "name": "Delete the document record type", "phase": "teardown",
            "method": "DELETE", "path": "/document-record-type/{{typeId}}", "endpoint": "/document-record-type/{documentRecordTypeId}",
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "body", "path": "$.status", "operator": "equals", "expected": "OK"}
            ]
        },
        {
            "suite": "Simple lists", "name": "The type is no longer listed", "phase": "teardown",
            "method": "GET", "path": "/document-record-type", "endpoint": "/document-record-type",
            "assertions": [
                {"source": "status", "operator": "equals", "expected": 200},
                {"source": "text", "operator": "not_contains", "expected": "{{typeName}}"}
            ],
            "after": [{"test": "Delete the document record type", "kind": "order"}]
        }
    ]$tests$) as tests (
        suite text, name text, phase text, method text, path text, endpoint text, query jsonb, body jsonb,
        fixture text, assertions jsonb, captures jsonb, after jsonb
    )
),

cases as (
    insert into public.test_cases (project_id, suite_id, endpoint_id, name, phase, position)
    select
        suites.project_id,
        suites.id,
        endpoints.id,
        given.name,
        coalesce(given.phase, 'main'),
        given.position
    from given
    inner join public.test_suites as suites on suites.name = given.suite
    inner join public.api_endpoints as endpoints
        on endpoints.method = given.method and endpoints.path = given.endpoint
    returning id, project_id, name
),

requests as (
    insert into public.test_request_configs (test_case_id, project_id, method, path, query, body)
    select
        cases.id,
        cases.project_id,
        given.method,
        given.path,
        coalesce(given.query, '[]'),
        given.body
    from given
    inner join cases on cases.name = given.name
),

expectations as (
    insert into public.test_response_specs (test_case_id, project_id, assertions, captures)
    select
        cases.id,
        cases.project_id,
        given.assertions,
        coalesce(given.captures, '[]')
    from given
    inner join cases on cases.name = given.name
),

fixtures as (
    insert into public.fixture_usage (test_case_id, fixture_id, project_id)
    select
        cases.id,
        fixtures.id,
        cases.project_id
    from given
    inner join cases on cases.name = given.name
    inner join public.test_data_fixtures as fixtures on fixtures.name = given.fixture
)

insert into public.test_dependencies (test_case_id, depends_on_id, kind, project_id)
select
    cases.id,
    upstreams.id,
    dependencies.kind,
    cases.project_id
from given
inner join cases on cases.name = given.name
cross join lateral jsonb_to_recordset(given.after) as dependencies (test text, kind text)
inner join cases as upstreams on upstreams.name = dependencies.test;
