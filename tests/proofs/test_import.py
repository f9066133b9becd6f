import subprocess
import sys


def test_importing_softmax_lib_does_not_import_sympy():
    program = "import sys, softmax_lib; assert 'sympy' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)
