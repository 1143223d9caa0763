import asyncio, time, subprocess, sys, os
sys.path.insert(0,'/work/main')
async def test_orphan(fragile):
    from tests.support.stores import in_mongo
    from tests.support.counting import COLLECTIONS, Add
    from tests.support.lanes import running
    from shared.errors import Unavailable
    for limit in (10, 60):
        async with in_mongo(fragile, COLLECTIONS) as store:
            store.behind.admin.command("setParameter", 1, transactionLifetimeLimitSeconds=limit)
            async with running(store.transactor) as lane:
                await lane.submit(Add("a"))
                code = f'''
import os,signal
from pymongo import MongoClient
c=MongoClient({store.place.uri!r})
s=c.start_session(); s.start_transaction()
c[{store.place.name!r}].counters.update_one({{"_id":"a"}},{{"$set":{{"x":1}}}},session=s)
os.kill(os.getpid(),9)
'''
                p=subprocess.run([sys.executable,"-c",code]); assert p.returncode==-9
                t=time.time()
                while True:
                    try:
                        await lane.submit(Add("a")); break
                    except Unavailable: print("unavailable", time.time()-t)
                print("LIMIT", limit, "took", time.time()-t, lane.stats)
