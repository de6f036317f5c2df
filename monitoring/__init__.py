"""What an operator sees of a running installation: metrics, request ids, log lines, error reports.

logs          lines of text or JSON, with the ids of the request and the sync that they belong to
request_id    X-Request-ID: accepted, made where it is absent, answered
subjects      what the database knows, read for each scrape of /metrics, a module a subject
http          counts requests; directory: where the processes of one server put their counts together
exposition    all of it, as Prometheus reads it
error_reports what Sentry is told of an error
"""
