"""Ten thousand supervised actors that cost next to nothing while idle. Run it: ``python examples/accounts.py``."""

import attrs
import trio

from actors import (
    Actor,
    ActorStopped,
    ChildSpec,
    Effects,
    Question,
    Strategy,
    answers,
    handles,
    nested,
    open_supervisor,
)


@attrs.frozen
class Deposit:
    amount: int


@attrs.frozen
class Balance:
    pass


class Account(Actor[Deposit | Balance]):
    """Private state and sync handlers. An error is a crash, which the supervisor turns into a fresh account."""

    def __init__(self) -> None:
        self.balance = 0

    @handles(Deposit)
    def deposit(self, message: Deposit) -> Effects:
        if message.amount <= 0:
            raise ValueError(f"a deposit of {message.amount}")
        self.balance += message.amount
        return None

    @answers(Balance)
    def tell(self, question: Question[Balance]) -> Effects:
        question.answer(self.balance)
        return None


async def main() -> None:
    pool = ChildSpec(id="accounts", start=nested(strategy=Strategy.DYNAMIC))
    async with open_supervisor("bank", [pool]) as bank:
        accounts = bank.nested("accounts")
        for number in range(10_000):
            accounts.start_child(ChildSpec(id=f"a{number}", start=lambda _: Account(), hibernate=True))
        ada, ben = accounts.address_of("a0"), accounts.address_of("a1")
        ada.post(Deposit(10))
        ada.post(Deposit(20))
        print("ada has", await ada.ask(Balance(), deadline=trio.current_time() + 1))
        ben.post(Deposit(-1))  # nobody waits for this message, and nobody else is hurt by it
        print("ben's account ended:", (await ben.wait_stopped()).reason)
        try:
            ben.post(Deposit(5))
        except ActorStopped:
            ben = accounts.address_of("a1")  # a new incarnation has a new address
        print("ben has", await ben.ask(Balance(), deadline=trio.current_time() + 1))
        print(bank.tree(most=3))


trio.run(main)
