%% The workloads of group `actors`, done with Erlang/OTP: gen_server and supervisor, as its design principles say.
%% Run as `erl -noshell -run actors_otp main WORKLOAD [NUMBER ...]`; prints one JSON object of measures.
-module(actors_otp).
-behaviour(gen_server).
-export([main/1, start_link/3, init/1, handle_call/3, handle_cast/2, handle_info/2]).

main([Workload | Arguments]) ->
    logger:set_primary_config(level, none),
    process_flag(trap_exit, true),
    Measures = run(list_to_atom(Workload), [list_to_float(Argument) || Argument <- Arguments]),
    Fields = [io_lib:format("\"~s\": ~.4f", [Name, float(Value)]) || {Name, Value} <- Measures],
    io:format("{~s}~n", [lists:join(", ", Fields)]),
    halt(0).

%% --- one server for all workloads: a total, an echo, a fall ------------------

start_link(Starter, Said, Then) -> gen_server:start_link(?MODULE, {Starter, Said, Then}, []).

init({group, Flags, Child}) -> {ok, {Flags, [Child]}};
init({Starter, Said, serve}) -> Starter ! Said, {ok, 0};
init({Starter, Said, hibernate}) -> Starter ! Said, {ok, 0, hibernate}.

handle_call(total, _From, Total) -> {reply, Total, Total};
handle_call({echo, What}, _From, Total) -> {reply, What, Total}.

handle_cast(fall, _Total) -> error(fallen);
handle_cast(Number, Total) -> {noreply, Total + Number}.

handle_info(_Message, Total) -> {noreply, Total}.

%% --- a supervisor of many of them --------------------------------------------

open_supervisor() -> open_supervisor(serve).

open_supervisor(Then) ->
    Flags = #{strategy => simple_one_for_one, intensity => 1000000000, period => 1},
    Child = #{id => child, start => {?MODULE, start_link, [self(), begun, Then]}, restart => permanent},
    {ok, Supervisor} = supervisor:start_link(?MODULE, {group, Flags, Child}),
    Supervisor.

start_children(Supervisor, Count) ->
    Children = [element(2, supervisor:start_child(Supervisor, [])) || _ <- lists:seq(1, Count)],
    await(begun, Count),
    Children.

await(_Said, 0) -> ok;
await(Said, Left) -> receive Said -> await(Said, Left - 1) end.

stop(Supervisor) ->
    unlink(Supervisor),
    Reference = monitor(process, Supervisor),
    exit(Supervisor, shutdown),
    receive {'DOWN', Reference, process, _, _} -> ok end.

%% --- the workloads -----------------------------------------------------------

run(tell, [Messages]) ->
    {ok, Server} = start_link(self(), begun, serve),
    await(begun, 1),
    Count = round(Messages),
    {Micros, Count} = timer:tc(fun() -> tell(Server, Count), gen_server:call(Server, total, infinity) end),
    [{us_per_message, Micros / Messages}];
run(ask, [Asks]) ->
    {ok, Server} = start_link(self(), begun, serve),
    Count = round(Asks),
    [ask(Server) || _ <- lists:seq(1, min(2000, Count div 10))],
    Times = lists:sort([ask(Server) || _ <- lists:seq(1, Count)]),
    [{p50_us, lists:nth(Count div 2, Times)}, {p99_us, lists:nth(Count * 99 div 100, Times)}];
run(start_stop, [Actors]) ->
    {Micros, ok} = timer:tc(fun() ->
        Supervisor = open_supervisor(),
        start_children(Supervisor, round(Actors)),
        stop(Supervisor)
    end),
    Supervisor = open_supervisor(),
    {Each, ok} = timer:tc(fun() ->
        lists:foreach(fun(_) ->
            [Child] = start_children(Supervisor, 1),
            ok = supervisor:terminate_child(Supervisor, Child)
        end, lists:seq(1, round(Actors)))
    end),
    [{us_per_actor, Micros / Actors}, {seq_us_per_actor, Each / Actors}];
run(restart, [Count]) ->
    Children = start_children(open_supervisor(), round(Count)),
    erlang:garbage_collect(),
    {Micros, ok} = timer:tc(fun() ->
        lists:foreach(fun(Child) -> gen_server:cast(Child, fall) end, Children),
        await(begun, round(Count))
    end),
    Others = start_children(open_supervisor(), round(Count)),
    Times = lists:sort([fall(Child) || Child <- Others]),
    [{us_per_restart, Micros / Count}, {seq_us_per_restart, lists:nth(round(Count) div 2, Times)}];
run(idle, [Actors]) ->
    Hibernating = bytes_each(open_supervisor(hibernate), Actors),
    [{hibernating_bytes, Hibernating}, {idle_bytes, bytes_each(open_supervisor(serve), Actors)}];
run(timers, [Tasks, First, Last]) ->
    Soon = min(Last, 2.0),
    Spread = late(Tasks, First, Last),
    forget(),
    Burst = maps:from_list(late(Tasks, Soon, Soon)),
    Spread ++ [{burst_p50_ms, maps:get(late_p50_ms, Burst)}, {burst_p99_ms, maps:get(late_p99_ms, Burst)},
               {burst_max_ms, maps:get(late_max_ms, Burst)}];
run(cancel, [Steps]) ->
    Supervisor = open_supervisor(),
    start_children(Supervisor, round(Steps)),
    {Micros, ok} = timer:tc(fun() -> stop(Supervisor) end),
    [{ms, Micros / 1000}, {told_ms, Micros / 1000}].

late(Tasks, First, Last) ->
    Count = round(Tasks),
    Self = self(),
    Before = resident(),
    Began = erlang:monotonic_time(microsecond),
    Due = fun(Number) -> Began + round((First + (Last - First) * Number / Tasks) * 1000000) end,
    [spawn_link(fun() -> sleep_until(Due(Number), Self) end) || Number <- lists:seq(0, Count - 1)],
    timer:sleep(round(min(0.5, First / 2) * 1000)),
    Grown = resident() - Before,
    Late = lists:sort([receive {late, Micros} -> Micros end || _ <- lists:seq(1, Count)]),
    [{bytes_per_task, Grown / Tasks}, {late_p50_ms, lists:nth(Count div 2, Late) / 1000},
     {late_p99_ms, lists:nth(Count * 99 div 100, Late) / 1000}, {late_max_ms, lists:last(Late) / 1000}].

forget() -> receive {'EXIT', _, normal} -> forget() after 0 -> ok end.

bytes_each(Supervisor, Actors) ->
    Before = resident(),
    start_children(Supervisor, round(Actors)),
    (resident() - Before) / Actors.

tell(_Server, 0) -> ok;
tell(Server, Left) -> gen_server:cast(Server, 1), tell(Server, Left - 1).

ask(Server) ->
    Began = erlang:monotonic_time(nanosecond),
    what = gen_server:call(Server, {echo, what}, infinity),
    (erlang:monotonic_time(nanosecond) - Began) / 1000.

fall(Child) ->
    Began = erlang:monotonic_time(nanosecond),
    gen_server:cast(Child, fall),
    await(begun, 1),
    (erlang:monotonic_time(nanosecond) - Began) / 1000.

sleep_until(Due, Waker) ->
    Left = max(0, Due - erlang:monotonic_time(microsecond)),
    receive after (Left + 999) div 1000 -> Waker ! {late, erlang:monotonic_time(microsecond) - Due} end.

%% What the emulator holds of the machine's memory, as the other sides measure it.
resident() ->
    [erlang:garbage_collect(Process) || Process <- processes()],
    {ok, Statm} = file:read_file("/proc/self/statm"),
    [_, Pages | _] = string:lexemes(Statm, " \n"),
    binary_to_integer(Pages) * 4096.
