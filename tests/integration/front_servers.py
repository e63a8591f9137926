"""Apache, HAProxy and nginx with the configurations of packaging/, on loopback ports of their own.

Each configuration is the delivered file; only its documented addresses (192.0.2.x) and paths are
replaced. Everything lives below one directory; only what is started here is stopped.
"""
import http.client
import os
import re
import socket
import subprocess
import time
import urllib.parse

MODULES = "/usr/lib/apache2/modules"
APACHE = """
ServerRoot {root}
ServerName localhost
PidFile {root}/httpd.pid
DefaultRuntimeDir {root}
Mutex file:{root} default
ErrorLog {root}/error.log
LogLevel warn
DirectoryIndex index.html
User www-data
Group www-data
KeepAlive On
MaxKeepAliveRequests 0
{modules}
"""
HOST = """
Listen 127.0.0.1:{port}
<VirtualHost 127.0.0.1:{port}>
Include {file}
</VirtualHost>
"""


def replaced(text, changes):
    """Every change must have something to change: a test of another text proves nothing."""
    for old, new in changes:
        if old not in text:
            raise AssertionError("the configuration no longer holds %r" % old)
        text = text.replace(old, new)
    return text


class Fronts:
    def __init__(self, source, directory, nodes, port):
        """`nodes`: with .http and .ajp ports; `port`: returns a free one."""
        self.source = source
        self.root = directory
        self.nodes = nodes
        self.apache_http, self.apache_ajp, self.haproxy, self.nginx = (port() for _ in range(4))
        self.processes = []
        os.makedirs(directory, exist_ok=True)
        os.makedirs(os.path.join(directory, "html", "appsuite"))
        self.write("html/appsuite/index.html", "<html>static part</html>")
        for path, _, _ in os.walk(directory):
            os.chmod(path, 0o755)

    def names(self):
        return {"apache by http": self.apache_http, "apache by ajp": self.apache_ajp,
                "haproxy": self.haproxy, "nginx": self.nginx}

    def read(self, *path):
        with open(os.path.join(self.source, "packaging", *path), encoding="utf-8") as file:
            return file.read()

    def write(self, name, text):
        path = os.path.join(self.root, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o644)
        return path

    def start(self):
        first, second = self.nodes
        html = os.path.join(self.root, "html")
        web = replaced(self.read("apache", "open-xchange.conf"), [
            ("192.0.2.1:8009", "127.0.0.1:%d" % first.http),
            ("192.0.2.2:8009", "127.0.0.1:%d" % second.http),
            ("retry=60", "retry=1"), ("/var/www/html", html)])
        ajp = replaced(self.read("apache", "open-xchange-ajp.conf"), [
            ("192.0.2.1:8019", "127.0.0.1:%d" % first.ajp),
            ("192.0.2.2:8019", "127.0.0.1:%d" % second.ajp),
            ("secret=replace-me", "secret=" + first.ajp_secret), ("retry=60", "retry=1"),
            ("/var/www/html", html)])
        names = ("mpm_event", "authz_core", "authz_host", "alias", "dir", "mime", "rewrite", "headers", "expires",
                 "proxy", "proxy_http", "proxy_ajp", "proxy_balancer", "lbmethod_byrequests",
                 "slotmem_shm")
        loaded = "\n".join("LoadModule %s_module %s/mod_%s.so" % (n, MODULES, n) for n in names)
        config = APACHE.format(root=self.root, modules=loaded)
        config += "TypesConfig /etc/mime.types\n" if os.path.exists("/etc/mime.types") else \
            "TypesConfig /dev/null\n"
        config += HOST.format(port=self.apache_http, file=self.write("apache-http.conf", web))
        config += HOST.format(port=self.apache_ajp, file=self.write("apache-ajp.conf", ajp))
        self.spawn(["/usr/sbin/apache2", "-d", self.root, "-f", self.write("httpd.conf", config),
                    "-D", "FOREGROUND"])
        self.admin = os.path.join(self.root, "haproxy.sock")
        proxy = replaced(self.read("haproxy", "haproxy.cfg"), [
            ("192.0.2.10:80", "127.0.0.1:%d" % self.haproxy),
            ("192.0.2.1:8009", "127.0.0.1:%d" % first.http),
            ("192.0.2.2:8009", "127.0.0.1:%d" % second.http),
            ("192.0.2.20:80", "127.0.0.1:%d" % self.apache_http),
            ("maxconn 20000", "maxconn 1000"),
            ("stats socket /run/haproxy/admin.sock", "stats socket " + self.admin)])
        self.spawn(["/usr/sbin/haproxy", "-db", "-f", self.write("haproxy.cfg", proxy)])
        nginx = replaced(self.read("nginx", "open-xchange.conf"), [
            ("192.0.2.10:80", "127.0.0.1:%d" % self.nginx),
            ("192.0.2.1:8009", "127.0.0.1:%d" % first.http),
            ("192.0.2.2:8009", "127.0.0.1:%d" % second.http), ("/var/www/html", html)])
        paths = "".join("%s_temp_path %s/nginx-%s;\n" % (n, self.root, n) for n in
                        ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        self.spawn(["/usr/sbin/nginx", "-p", self.root, "-g", "daemon off; error_log %s/nginx.log;"
                    % self.root, "-c", self.write(
                        "nginx.conf", "pid %s/nginx.pid;\nevents {}\nhttp {\naccess_log off;\n%s%s}\n"
                        % (self.root, paths, nginx))])
        for name, port in self.names().items():
            self.await_static(name, port)

    def spawn(self, command):
        with open(os.path.join(self.root, "fronts.log"), "ab") as out:
            self.processes.append(subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True))

    def await_static(self, name, port, seconds=20):
        deadline = time.monotonic() + seconds
        while True:
            try:
                if ask(port, "/appsuite/index.html")[0] == 200:
                    return
            except OSError:
                pass
            if time.monotonic() > deadline or any(p.poll() is not None for p in self.processes):
                with open(os.path.join(self.root, "fronts.log"), errors="replace") as file:
                    raise AssertionError("%s does not answer: %s" % (name, file.read()[-2000:]))
            time.sleep(0.05)

    def stop(self):
        for process in self.processes:
            if process.poll() is None:
                process.terminate()
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def haproxy_says(self, command):
        with socket.socket(socket.AF_UNIX) as admin:
            admin.connect(self.admin)
            admin.sendall((command + "\n").encode())
            return admin.recv(65536).decode()


def ask(port, path, headers=None, body=None, timeout=20):
    """One request: (status, text, Set-Cookie as a dictionary; with a Location that of "Location").
    OSError when the connection breaks."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        headers = headers or {}
        connection.request("POST" if body is not None else "GET", path, body, headers,
                           encode_chunked="Transfer-Encoding" in headers)
        answer = connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
        cookies = {}
        for value in answer.headers.get_all("Set-Cookie") or []:
            name, _, rest = value.partition("=")
            cookies[name.strip()] = rest.partition(";")[0]
        if answer.getheader("Location"):
            cookies["Location"] = answer.getheader("Location")
        return answer.status, text, cookies
    except http.client.HTTPException as broken:
        raise OSError("connection broke: %r" % broken) from broken
    finally:
        connection.close()


def balancer(port, route, **changes):
    """What an administrator clicks in Apache's balancer-manager, e.g. w_status_N=1 (drain)."""
    page = "http://127.0.0.1:%d/balancer-manager" % port
    # Parameters count only with a Referer of the same page.
    _, text, _ = ask(port, "/balancer-manager?xml=1", {"Referer": page})
    nonce = re.search(r"nonce=([0-9a-f-]+)", text) or re.search(
        r"<httpd:nonce>([^<]+)</httpd:nonce>", text)
    worker = re.search(r"<httpd:name>([^<]+)</httpd:name>(?:(?!<httpd:name>).)*"
                       r"<httpd:route>%s</httpd:route>" % route, text, re.S)
    if not nonce or not worker:
        raise AssertionError("balancer-manager shows no worker %s: %s" % (route, text[:1500]))
    form = dict(changes, b="oxcluster", w=worker.group(1), nonce=nonce.group(1))
    status, text, _ = ask(port, "/balancer-manager", {
        "Referer": page, "Content-Type": "application/x-www-form-urlencoded"},
        urllib.parse.urlencode(form))
    if status != 200:
        raise AssertionError("balancer-manager answered %d %s" % (status, text[:500]))
