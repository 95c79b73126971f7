-- SPDX-License-Identifier: MIT
-- Every example exchange of chapters 2 and 3 of the ML302 MQTT AT-command manual.
-- "H" a line of the host, "M" a line of the module; no echo is printed in this manual. "line" is
-- the line number of the first step in the manual text. Curly quotes are folded to ASCII, "//"
-- comments and blanks at line ends are dropped; commands broken over two printed lines are
-- joined without a blank. "group" joins the consecutive exchanges of one printed example.

return {
  -- chapter 2
  {
    id = "2.3.1-mqttcfg-set",
    section = "2.3.1",
    line = 267,
    title = "configure",
    steps = {
      {
        "H",
        [[AT+MQTTCFG="183.230.40.39",6002,"532337966",60,"246883",]]
          .. [["VACC79esEWuVK5j73b3cqWzrD7U=",0,"",0]],
      },
      { "M", "OK" },
    },
    note = "printed on two lines, broken before the empty version; its quotes are curly",
  },
  {
    id = "2.3.1-mqttcfg-read",
    section = "2.3.1",
    line = 273,
    title = "read the configuration",
    steps = {
      { "H", "AT+MQTTCFG?" },
      { "M", [[+MQTTCFG: "183.230.40.39",6002,"532337966",60,"246883","***",0,"",0]] },
      { "M", "OK" },
    },
    note = "all quotes of the answer are curly; a page break stands before OK",
  },
  {
    id = "2.3.2-mqttopen",
    section = "2.3.2",
    line = 364,
    title = "connect",
    steps = {
      { "H", [[AT+MQTTOPEN=1,1,0,0,0, "",""]] },
      { "M", "+MQTTOPEN:OK" },
      { "M", "OK" },
    },
    note = "a blank is printed before the will topic",
  },
  {
    id = "2.3.4-mqttsub-set",
    section = "2.3.4",
    line = 470,
    title = "subscribe",
    steps = {
      { "H", [[AT+MQTTSUB="dev/gsm/u",2]] },
      { "M", "+MQTTSUBACK:2,2,dev/gsm/u" },
      { "M", "OK" },
    },
  },
  {
    id = "2.3.4-mqttsub-read",
    section = "2.3.4",
    line = 476,
    title = "list the subscriptions",
    steps = {
      { "H", "AT+MQTTSUB?" },
      { "M", "+MQTTSUB:" },
      { "M", "dev/gsm/u" },
      { "M", "OK" },
    },
    note = "the topic is on its own line, without its qos",
  },
  {
    id = "2.3.5-mqttunsub",
    section = "2.3.5",
    line = 527,
    title = "unsubscribe",
    steps = {
      { "H", [[AT+MQTTUNSUB="test"]] },
      { "M", [[+MQTT UNSUBACK:8,"test"]] },
      { "M", "OK" },
    },
    note = "the blank in +MQTT UNSUBACK is printed; the quotes of the answer are curly",
  },
  {
    id = "2.3.6-mqttpub-qos2",
    section = "2.3.6",
    line = 602,
    title = "publish with qos 2",
    steps = {
      { "H", [[AT+MQTTPUB="dev/gsm/u",2,0,0,"update message"]] },
      { "M", "+MQTTPUBREC:0,2" },
      { "M", "+MQTTPUBCOMP:0,2" },
      { "M", "OK" },
    },
  },
  {
    id = "2.3.6-mqttpub-qos1",
    section = "2.3.6",
    line = 610,
    title = "publish with qos 1",
    steps = {
      { "H", [[AT+MQTTPUB="dev/gsm/u",1,0,0,"1890"]] },
      { "M", "+MQTTPUBACK:0,5" },
      { "M", "OK" },
    },
  },
  {
    id = "2.3.6-mqttpub-json",
    section = "2.3.6",
    line = 616,
    title = "publish JSON with escaped quotes",
    steps = {
      {
        "H",
        [[AT+MQTTPUB="godda",0,0,0,"\"{\"datastreams\":[{\"id\":\"4G\",]]
          .. [[\"datapoints\":[{\"value\":\"1\"}]}]}\""]],
      },
      { "M", "OK" },
    },
    note = "one printed line; the escaped JSON is itself between escaped quotes",
  },
  {
    id = "2.3.7-mqttdisc",
    section = "2.3.7",
    line = 650,
    title = "disconnect",
    steps = {
      { "H", "AT+MQTTDISC" },
      { "M", "+MQTTDISC: OK" },
      { "M", "OK" },
    },
  },
  {
    id = "2.3.8-mqttping-set",
    section = "2.3.8",
    line = 700,
    title = "show the ping answers",
    steps = {
      { "H", "AT+MQTTPING=1" },
      { "M", "OK" },
    },
  },
  {
    id = "2.3.9-mqttrec-set",
    section = "2.3.9",
    line = 752,
    title = "switch reconnecting on",
    steps = {
      { "H", "AT+MQTTREC=1" },
      { "M", "OK" },
    },
  },
  {
    id = "2.4.1-publish-qos0",
    section = "2.4.1",
    line = 885,
    title = "received message, qos 0",
    steps = {
      { "M", [[+MQTTPUBLISH: 0,0,0,0,"test",14,abc"xxxx"abc]] },
    },
    note = "curly quotes around the topic; the printed length is 14, the message has 12 bytes",
  },
  {
    id = "2.4.1-publish-qos1",
    section = "2.4.1",
    line = 887,
    title = "received message, qos 1",
    steps = {
      { "M", [[+MQTTPUBLISH: 0,1,0,1,"test",14,abxxxxabc]] },
    },
    note = "curly quotes around the topic; the printed length is 14, the message has 9 bytes",
  },
  {
    id = "2.4.1-publish-qos2",
    section = "2.4.1",
    line = 889,
    title = "received message, qos 2",
    steps = {
      { "M", [[+MQTTPUBLISH: 0,2,0,1,"test",23,{"action":"leave_hbcd"}]] },
      { "M", "+MQTT PUBREL: 0,1" },
    },
    note = "curly quotes around the topic; the blank in +MQTT PUBREL is printed",
  },

  -- chapter 3
  {
    id = "3.1-mqttcfg-set",
    section = "3.1",
    line = 935,
    title = "configure with 7 arguments",
    steps = {
      {
        "H",
        [[AT+MQTTCFG="183.230.40.39",6002,"4069959",10,"75829",]]
          .. [["IIOu0oFUg1guk20ornTK1uzAcnM=",1]],
      },
      { "M", "OK" },
    },
    note = "printed on two lines, broken inside the password",
  },
  {
    id = "3.2-1-mqttopen",
    section = "3.2",
    group = "3.2",
    line = 944,
    title = "connect",
    steps = {
      { "H", [[AT+MQTTOPEN=1,1,1,1,1,"mywill","001bye"]] },
      { "M", "+MQTTOPEN:OK" },
      { "M", "OK" },
    },
  },
  {
    id = "3.2-2-mqttsub",
    section = "3.2",
    group = "3.2",
    line = 952,
    title = "subscribe",
    steps = {
      { "H", [[AT+MQTTSUB="pyr",1]] },
      { "M", "+MQTTSUBACK:1,1,pyr" },
      { "M", "OK" },
    },
  },
  {
    id = "3.2-3-mqttpub",
    section = "3.2",
    group = "3.2",
    line = 958,
    title = "publish to another topic",
    steps = {
      { "H", [[AT+MQTTPUB="dev/gsm/u",1,0,0,"abc"]] },
      { "M", "+MQTTPUBACK:0,1" },
      { "M", "OK" },
    },
  },
  {
    id = "3.2-4-mqttpub",
    section = "3.2",
    group = "3.2",
    line = 978,
    title = "publish to the subscribed topic",
    steps = {
      { "H", [[AT+MQTTPUB="pyr",1,0,0,"abc"]] },
      { "M", "+MQTTPUBACK:0,3" },
      { "M", "+MQTTPUBLISH:0,1,0,1,pyr,3,abc" },
      { "M", "OK" },
    },
    note = "the received message stands before OK; its topic is unquoted",
  },
  {
    id = "3.2-5-mqttpub",
    section = "3.2",
    group = "3.2",
    line = 986,
    title = "publish to the subscribed topic again",
    steps = {
      { "H", [[AT+MQTTPUB="pyr",1,0,0,"abcdef"]] },
      { "M", "+MQTTPUBACK:0,4" },
      { "M", "+MQTTPUBLISH:0,1,0,1,pyr,6,abcdef" },
      { "M", "OK" },
    },
    note = "the received message stands before OK; its topic is unquoted",
  },
  {
    id = "3.2-6-mqttunsub",
    section = "3.2",
    group = "3.2",
    line = 994,
    title = "unsubscribe",
    steps = {
      { "H", [[AT+MQTTUNSUB="pyr"]] },
      { "M", [[+MQTT UNSUBACK:5,"pyr"]] },
      { "M", "OK" },
    },
    note = "the blank in +MQTT UNSUBACK is printed; the quotes of the answer are curly",
  },
  {
    id = "3.2-7-mqttpub",
    section = "3.2",
    group = "3.2",
    line = 1000,
    title = "publish after unsubscribing",
    steps = {
      { "H", [[AT+MQTTPUB="pyr",1,0,0,"abcdef"]] },
      { "M", "+MQTTPUBACK:0,6" },
      { "M", "OK" },
    },
  },
  {
    id = "3.3-1-mqttdisc",
    section = "3.3",
    group = "3.3",
    line = 1036,
    title = "disconnect",
    steps = {
      { "H", "AT+MQTTDISC" },
      { "M", "+MQTTDISC: OK" },
    },
    note = "no OK is printed here, unlike 2.3.7",
  },
  {
    id = "3.3-2-mqttdel",
    section = "3.3",
    group = "3.3",
    line = 1040,
    title = "free the configuration",
    steps = {
      { "H", "AT+MQTTDEL" },
      { "M", "OK" },
    },
    note = "the command is described nowhere in chapter 2",
  },
  {
    id = "3.4-connection-loss",
    section = "3.4",
    line = 1063,
    title = "reports of a lost connection",
    steps = {
      { "M", "+MQTTPINGRESP:OK" },
      { "M", "+MQTTPINGRESP:OK" },
      { "M", "+MQTTTO:5" },
      { "M", "+MQTTTO:5" },
      { "M", "+MQTTTO:5" },
      { "M", "+MQTTREC:0" },
      { "M", "+MQTTREC:1" },
      { "M", "+MQTTREC:2" },
      { "M", "+MQTTDISC:OK" },
    },
    note = "+MQTTPINGRESP here, +MQTTPINGRSP in 2.4.2",
  },
}
