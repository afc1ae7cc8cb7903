-- normalize_message: what of a message is chance goes, what says what is wrong stays.
begin;
\ir _lib/people.psql
select plan(67);

create table tests.examples (
    id bigint generated always as identity,
    given text,
    expected text,
    fact text
);
insert into tests.examples (given, expected, fact)
values
('refused', 'refused', 'plain words stay'),
('', '', 'nothing stays nothing'),

('2026-11-26T04:21:05.123Z ERROR [main] refused', 'refused', 'the prefix of a log line goes'),
('[2026-11-26 04:21:05,123] WARN: refused', 'refused', 'in other forms too'),
('2026-11-26 04:21:05+01:00 [http-nio-8080-exec-1] INFO - refused', 'refused', 'thread before level'),
('ERROR: relation "x" does not exist', 'relation "x" does not exist', 'a level alone'),
('Error: refused', 'Error: refused', 'a word that is no level stays'),
('the ERROR is here', 'the ERROR is here', 'a level elsewhere stays'),

(e'one\r\ntwo\rthree', 'one two three', 'line ends are spaces'),
(e'  one \t two  ', 'one two', 'and several spaces one'),

('<html><body><h1>502 Bad Gateway</h1></body></html>', '502 Bad Gateway', 'tags go'),
('<!DOCTYPE html><!-- x --><p class="a">oh</p>', 'oh', 'comments, types and attributes too'),
('1 < 2 and 3 > 2', '{n} < {n} and {n} > {n}', 'a comparison is no tag'),

('at https://api.test:8443/v1/items/17?page=2#top', 'at api.test/v{n}/items/{n}', 'of a URL host and path stay'),
('at http://ann:pass@api.test/items', 'at api.test/items', 'its user goes'),
('at "https://api.test/items?q=1"', 'at "api.test/items"', 'it ends with its quotes'),
('at wss://api.test', 'at api.test', 'of WebSockets likewise'),
(
    'at https://api.test/items/3fa85f64-5717-4562-b3fc-2c963f66afa6/rows', 'at api.test/items/{uuid}/rows',
    'ids in its path are told by their kind'
),

('no user ann.b+c@example.org', 'no user {email}', 'e-mail addresses'),
('no user 3fa85f64ab@example.org', 'no user {email}', 'also such that hold an id'),

('no item 3fa85f64-5717-4562-b3fc-2c963f66afa6', 'no item {uuid}', 'UUIDs'),
('no item 3FA85F64-5717-4562-B3FC-2C963F66AFA6!', 'no item {uuid}!', 'in capitals too'),

('bad eyJhbGciOi.eyJzdWIi.c2ln-_', 'bad {token}', 'JSON Web Tokens'),
('Authorization: Bearer abcdef123456', 'Authorization: Bearer {token}', 'tokens by their scheme'),
('Basic authentication required', 'Basic authentication required', 'a word after the scheme is none'),

('object 3fa85f64', 'object {n}', 'eight hexadecimal digits'),
('object 12345678', 'object {n}', 'the same without a letter, so that ids of one kind read alike'),
('object da39a3ee5e6b4b0d3255bfef95601890afd80709', 'object {n}', 'a digest'),
('object 0x1F', 'object {n}', 'after 0x any number of them'),
('effaced facade', 'effaced facade', 'a word of such letters stays'),
('order_3fa85f64ab not found', 'order_{n} not found', 'after an underscore'),
('id ck9x8v2m0000', 'id {n}', 'letters and digits in turns'),
('id V1StGXR8Z5jdHi6BmyT2', 'id {n}', 'such as no word has'),
('utf8mb4 oauth2', 'utf{n}mb{n} oauth{n}', 'short ones lose their digits only'),

('refused by 10.0.0.1', 'refused by {ip}', 'addresses of the internet'),
('refused by 10.0.0.1:8443', 'refused by {ip}', 'with their port'),
('refused by 2001:db8::8a2e:370:7334', 'refused by {ip}', 'of version 6'),
('refused by ::1', 'refused by {ip}', 'be it short'),
('in Foo::Bar', 'in Foo::Bar', 'names with colons are none'),

('since 2026-11-26', 'since {date}', 'dates'),
('since 2026-11-26T04:21:05.123+01:00', 'since {date}', 'with time and zone'),
('since Thu, 26 Nov 2026 04:21:05 GMT', 'since {date}', 'as headers have them'),
('at 4:21:05', 'at {date}', 'times of day'),

('got "' || repeat('x', 32) || '"', 'got "' || repeat('x', 32) || '"', 'a quotation of 32 characters stays'),
('got "' || repeat('x', 33) || '"', 'got "{text}"', 'a longer one goes'),
('got ""', 'got ""', 'an empty one stays'),
('"a", ' || repeat('x ', 20) || '"b"', '"a", ' || repeat('x ', 19) || 'x "b"', 'what stands between two is none'),
('got "' || repeat('\"', 33) || '" and "b"', 'got "{text}" and "b"', 'escaped marks do not end it'),
('got ''' || repeat('x', 33) || '''', 'got ''{text}''', 'single marks too'),
('it can''t be ' || repeat('x ', 20) || 'doesn''t', 'it can''t be ' || repeat('x ', 20) || 'doesn''t', 'apostrophes are none'),

('took 612.3 ms', 'took {n} ms', 'numbers'),
('took -5, 1e9 and 1,234', 'took {n} and {n}', 'with sign, exponent and commas; several in a row are one'),
('one of [1, 2, 3]', 'one of [{n}]', 'lists of any length read alike'),

('expected: status equals 200; got 503', 'expected: status equals 200; got 503', 'the status stays'),
('status is one of [200, 201]; got 404', 'status is one of [200, 201]; got 404', 'and which were expected'),
('HTTP/1.1 503 after 12 s', 'HTTP/1.1 503 after {n} s', 'as a status line has it'),
('failed with status code 404 for 17', 'failed with status code 404 for {n}', 'in words'),
('{status: 422, id: 17}', '{status: 422, id: {n}}', 'in a body'),
('502 Bad Gateway', '502 Bad Gateway', 'before its phrase'),
('status 20', 'status {n}', 'what is no status does not'),

('body $.items[0].id equals 5; got 6', 'body $.items[0].id equals {n}; got {n}', 'a path keeps its indexes'),
('body $[?(@.id == 517)].name exists', 'body $[?(@.id == {n})].name exists', 'but not what it compares with'),
('body $..a1[*] exists', 'body $..a1[*] exists', 'and its names'),

(repeat('word ', 300), repeat('word ', 100), 'at most 500 characters remain'),
(
    'no order 9 ' || repeat('x ', 600), left('no order {n} ' || repeat('x ', 600), 500),
    'cut when all is done: how long an id is does not shift the end'
);

select is(private.normalize_message(given), btrim(expected), fact) from tests.examples order by id;

select is(
    private.normalize_message(private.normalize_message(given)), private.normalize_message(given),
    'what is normalized is not changed by doing it again'
)
from tests.examples
where given like '<html>%' or given like '%3fa85f64-5717%rows';

select * from finish();
rollback;
