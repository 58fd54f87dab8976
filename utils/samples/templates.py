"""The Spanish wording of the sample corpus, as plain data (invented people, companies, banks).

`GRAMMAR`, in documents_es.txt, holds named pools: `== name` opens a pool, a line that starts with
`- ` opens one of its alternatives, and the lines below continue it. In an alternative `{pool}` is
one draw, `{pool:3-7}` is 3 to 7 lines of draws, `[a|b]` is one of the two, `#` is a digit and `¶`
ends a line.
"""

from pathlib import Path

MEN = (
    "Andrés Camilo;Juan Sebastián;Óscar Iván;Héctor Fabio;José Ángel;Luis Germán;Édgar;Raúl;"
    "Efraín;Nicolás;Martín;Julián David;Ramón;Rubén Darío;Álvaro;Jesús María;Simón;Hernán;"
    "Tomás;Wílmer;Jaime;Fabián;Íñigo;Gonzalo;Mauricio;Saúl;Iván Ernesto;Víctor Hugo;Adrián;"
    "Germán Eduardo;Aníbal;Félix;Benjamín;Cristóbal"
)
WOMEN = (
    "María Fernanda;Ana Lucía;Sofía;Luz Marina;Begoña;Martha Inés;Beatriz;Yolanda;Rocío;"
    "Mónica;Paula Andrea;Ángela;Inés;Verónica;Nohora;Concepción;Valentina;Lucía del Pilar;"
    "Esperanza;Sandra Milena;Ximena;Íngrid;Natalia;Doris;Adriana;Úrsula;Begoña Isabel;Teresa;"
    "Amparo;Gloria Stella;Noemí;Belén;Carolina"
)
SURNAMES = (
    "Muñoz;Peña;Castañeda;Núñez;Ordóñez;Agüero;Argüello;Ibáñez;Gutiérrez;Martínez;Rodríguez;"
    "Gómez;Cárdenas;Zúñiga;Acuña;Cañón;Piñeros;Beltrán;Vásquez;Suárez;Londoño;Patiño;"
    "Quiñones;Saldaña;Avendaño;Bermúdez;Chacón;Durán;Echeverri;Forero;Güiza;Hincapié;Jiménez;"
    "Ladino;Marín;Nieto;Ocampo;Páez;Quintero;Rincón;Sepúlveda;Téllez;Urrego;Valbuena;Yáñez;"
    "Zapata;Rendón;Buitrago;Cifuentes;Mejía;Tovar;Pedraza;Riaño;Treviño;Cedeño;Montaño"
)

COUNTRIES = [
    {
        "pais": "Colombia",
        "trib": "NIT",
        "cedula": "cédula de ciudadanía",
        "cc": "C.C.",
        "moneda": "pesos",
        "estado": "REPÚBLICA DE COLOMBIA",
        "ciudades": "Bogotá D.C.;Medellín;Cali;Barranquilla;Bucaramanga;Pereira;Manizales;Ibagué;"
        "Neiva;Cúcuta;Tunja;Villavicencio;Montería;Popayán;Pasto;Armenia;Chía;Envigado;Itagüí;"
        "Magangué;Sogamoso;Facatativá",
    },
    {
        "pais": "México",
        "trib": "RFC",
        "cedula": "credencial de elector",
        "cc": "clave",
        "moneda": "pesos mexicanos",
        "estado": "ESTADOS UNIDOS MEXICANOS",
        "ciudades": "Querétaro;Mérida;Puebla;León;San Luis Potosí;Culiacán",
    },
    {
        "pais": "Perú",
        "trib": "RUC",
        "cedula": "documento nacional de identidad",
        "cc": "DNI",
        "moneda": "soles",
        "estado": "REPÚBLICA DEL PERÚ",
        "ciudades": "Lima;Arequipa;Trujillo;Piura;Cusco;Huánuco",
    },
    {
        "pais": "Ecuador",
        "trib": "RUC",
        "cedula": "cédula de identidad",
        "cc": "C.I.",
        "moneda": "dólares",
        "estado": "REPÚBLICA DEL ECUADOR",
        "ciudades": "Quito;Guayaquil;Cuenca;Loja;Ambato;Ibarra",
    },
]

GRAMMAR = Path(__file__).with_name("documents_es.txt").read_text(encoding="utf-8")
