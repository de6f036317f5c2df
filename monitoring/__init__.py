"""What an operator sees of a running installation: metrics, request ids, log lines, error reports.

logs          lines of text or JSON, with the ids of the request and the sync that they belong to
request_id    X-Request-ID: accepted, made where it is absent, answered
"""
