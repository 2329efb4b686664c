  -- The same JSON work as our command route.
  local cjson = require "cjson.safe"
  ngx.req.read_body()
  local given = cjson.decode(ngx.req.get_body_data() or "")
  if not given or given.command ~= "step-interact click" or type(given.args) ~= "table" then return ngx.exit(400) end
  local id = ngx.var.http_x_request_id or ngx.var.request_id
  local selector = { type = "GUESS", value = cjson.encode({ clue = given.args[1] }) }
  local out = cjson.encode({ checkpointId = given.checkpoint_id, stepIndex = given.position,
    parsedStep = { action = "CLICK", value = "", target = { selectors = { selector } }, meta = { kind = "CLICK", type = "NATURAL" } } })
  local answer = ngx.location.capture("/up/teststeps?envelope=false", { method = ngx.HTTP_POST, body = out })
  local step = cjson.decode(answer.body)
  if not step or not step.id then return ngx.exit(502) end
  local now = ngx.utctime()
  local body = cjson.encode({ status = "success", data = { step_id = tostring(step.id), checkpoint_id = tostring(given.checkpoint_id),
    position = given.position, type = step.action, description = "Click an element", created_at = now }, warnings = cjson.empty_array,
    message = "step-interact click: done", request_id = id, timestamp = now, execution_time_ms = 0 })
  ngx.header["Content-Type"] = "application/json; charset=utf-8"
  ngx.header["Content-Length"] = #body
  ngx.header["X-Request-Id"] = id
  ngx.print(body)
