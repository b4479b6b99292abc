-- Asks the gateway's authority for the way to a session. Without one the variables stay unset.
local AUTHORITY = "http://127.0.0.1:9081/route"

core.register_action("regatta_route", { "http-req" }, function(txn)
  local answer = core.httpclient():get({
    url = AUTHORITY,
    headers = { ["x-original-uri"] = { txn.f:pathq() } },
  })
  if answer == nil or answer.status ~= 200 then return end
  local address, port = string.match(answer.headers["x-regatta-upstream"][0], "^%[?([%x%.:]+)%]?:(%d+)$")
  txn:set_var("txn.regatta_ip", address)
  txn:set_var("txn.regatta_port", tonumber(port))
  txn:set_var("txn.regatta_target", answer.headers["x-regatta-target"][0])
end)
