"""The servers that sessions_bench measures: a MariaDB, nodes from the build tree, a Tomcat.

Told by lines on standard input, answers "ok name=number ..." or "error TEXT" (process.h). Everything
lives below a temporary directory and ends with this program, also when its input just ends.
    nodes COUNT PASSWORD SECRET   database, COUNT nodes, USERS users; answers ports and process ids
    kill N | start N              one node, hard and back
    tomcat | end-tomcat           answers its port and process id
"""
import glob
import http.client
import os
import shutil
import subprocess
import sys
from types import SimpleNamespace

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path[:0] = [os.path.join(ROOT, "packaging", "tour"), os.path.join(ROOT, "tests", "integration")]
from cluster import edit_properties, wait_for  # noqa: E402
from mariadb import free_port  # noqa: E402
from processes import Failure, interrupts, run  # noqa: E402
from tour import Tour  # noqa: E402
from two_nodes import port_base  # noqa: E402

TOMCAT = "/usr/share/tomcat10"
JAVA = "/usr/lib/jvm/java-17-openjdk-*/bin/java"
COMPILER = "/usr/share/java/eclipse-jdt-core.jar"
USERS = 32  # servers.h
FIRST_PORT = 21000
STOP_SECONDS = 10


class Servers(Tour):
    def __init__(self, build):
        super().__init__(SimpleNamespace(steps_done=0, keep=None, build=build,
                                         port_base=port_base(FIRST_PORT)))
        self.tomcat_process = None

    def begin(self, count, password, secret):
        self.user_password = password
        self.prepare()
        self.nodes = self.nodes[:count]
        self.start_database()
        self.write_configuration()
        for node in self.nodes:
            edit_properties(os.path.join(node.etc, "sessiond.properties"),
                            {"com.openexchange.sessiond.maxSessionPerUser": 0})
            with open(os.path.join(node.etc, "tokenlogin-secrets"), "w", encoding="utf-8") as out:
                os.fchmod(out.fileno(), 0o600)
                out.write(secret + "\n")
        self.init_configdb()
        self.start_first_node()
        self.register()
        self.create_contexts()
        for number in range(USERS):
            name, cid = "user%d" % number, 1 + number % 2
            self.nodes[0].admin("createuser", "-c", cid, "-A", "oxadmin", "-P", password, "-u", name,
                                "-d", name, "-g", name, "-s", "Example",
                                "-e", "%s@company%d.example" % (name, cid),
                                env={"NEW_USER_PASSWORD": password})
        self.start_other_nodes()
        places = ["http%d=%d pid%d=%d" % (n.number, n.http, n.number, n.process.pid)
                  for n in self.nodes]
        return " ".join(places + ["database=%d" % self.database.process.pid])

    def start_node(self, number):
        node = self.nodes[number - 1]
        node.start()
        self.settle()
        return "pid%d=%d" % (number, node.process.pid)

    def start_tomcat(self):
        found = sorted(glob.glob(JAVA))
        missing = [p for p in (TOMCAT, COMPILER) if not os.path.exists(p)]
        if not found or missing:
            raise Failure("not installed (packaging/install-packages --bench): " +
                          ", ".join(missing + ([] if found else [JAVA])))
        base = os.path.join(self.work, "tomcat")
        inside = os.path.join(base, "webapps", "ROOT", "WEB-INF")
        for folder in ("conf", "logs", "temp", "work"):
            os.makedirs(os.path.join(base, folder))
        os.makedirs(os.path.join(inside, "classes"))
        port = free_port()
        with open(os.path.join(HERE, "tomcat", "server.xml"), encoding="utf-8") as text:
            server = text.read().replace("@PORT@", str(port))
        with open(os.path.join(base, "conf", "server.xml"), "w", encoding="utf-8") as out:
            out.write(server)
        shutil.copy(os.path.join(HERE, "tomcat", "web.xml"), inside)
        run([found[0], "-cp", COMPILER, "org.eclipse.jdt.internal.compiler.batch.Main", "-17", "-proc:none",
             "-cp", os.path.join(TOMCAT, "lib", "servlet-api.jar"), "-d",
             os.path.join(inside, "classes"), os.path.join(HERE, "tomcat", "Counter.java")])
        jars = [os.path.join(TOMCAT, "bin", jar) for jar in ("bootstrap.jar", "tomcat-juli.jar")]
        with open(os.path.join(base, "logs", "console.log"), "ab") as out, interrupts:
            self.tomcat_process = subprocess.Popen(
                [found[0], "-cp", ":".join(jars), "-Dcatalina.home=" + TOMCAT,
                 "-Dcatalina.base=" + base, "-Djava.io.tmpdir=" + os.path.join(base, "temp"),
                 "org.apache.catalina.startup.Bootstrap", "start"],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)
        wait_for("Tomcat to answer", lambda: self.tomcat_answers(port), 60)
        return "port=%d pid=%d" % (port, self.tomcat_process.pid)

    def tomcat_answers(self, port):
        if self.tomcat_process.poll() is not None:
            raise Failure("Tomcat ended with %s" % self.tomcat_process.returncode)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/counter")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def end_tomcat(self):
        if self.tomcat_process is None:
            return
        self.tomcat_process.terminate()
        try:
            self.tomcat_process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.tomcat_process.kill()
            self.tomcat_process.wait()
        self.tomcat_process = None

    def end(self):
        self.end_tomcat()
        self.cleanup()

    def command(self, words):
        if words[0] == "nodes" and len(words) == 4:
            return self.begin(int(words[1]), words[2], words[3])
        if words[0] == "kill" and len(words) == 2:
            self.nodes[int(words[1]) - 1].kill()
            return ""
        if words[0] == "start" and len(words) == 2:
            return self.start_node(int(words[1]))
        if words == ["tomcat"]:
            return self.start_tomcat()
        if words == ["end-tomcat"]:
            self.end_tomcat()
            return ""
        raise Failure("unknown command " + words[0])


def main():
    interrupts.install()
    servers = Servers(sys.argv[1])
    try:
        for line in sys.stdin:
            try:
                text = "ok " + servers.command(line.split())
            except Exception as broken:  # noqa: BLE001 - the bench must hear of it
                text = "error " + str(broken).replace("\n", " | ")[-1500:]
            print(text, flush=True)
    finally:
        interrupts.close()
        servers.end()


if __name__ == "__main__":
    main()
