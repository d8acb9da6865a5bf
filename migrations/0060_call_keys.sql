-- Package directory owns this: a key may be given calls.

-- +goose Up
alter table api_key drop constraint api_key_scopes_check, add constraint api_key_scopes_check check (
  cardinality(scopes) > 0 and plain_list(scopes, 10)
  and scopes <@ array['documents:write', 'documents:read', 'decisions:read', 'consume',
                      'events:read', 'webhooks:manage', 'directory:write', 'notices:write', 'meetings', 'calls']);

-- +goose Down
alter table api_key drop constraint api_key_scopes_check, add constraint api_key_scopes_check check (
  cardinality(scopes) > 0 and plain_list(scopes, 9)
  and scopes <@ array['documents:write', 'documents:read', 'decisions:read', 'consume',
                      'events:read', 'webhooks:manage', 'directory:write', 'notices:write', 'meetings']) not valid;
