"""The Spanish wording of the sample corpus, as plain data (invented people, companies and banks).

`GRAMMAR` holds named pools: `== name` opens a pool, a line that starts with `- ` opens one of its alternatives, and
the lines below continue it. In an alternative `{pool}` is one draw, `{pool:3-7}` is 3 to 7 lines of draws,
`[a|b]` is one of the two, `#` is a digit and `¶` ends a line.
"""

MEN = """Andrés Camilo;Juan Sebastián;Óscar Iván;Héctor Fabio;José Ángel;Luis Germán;Édgar;Raúl;Efraín;Nicolás;
Martín;Julián David;Ramón;Rubén Darío;Álvaro;Jesús María;Simón;Hernán;Tomás;Wílmer;Jaime;Fabián;Íñigo;Gonzalo;
Mauricio;Saúl;Iván Ernesto;Víctor Hugo;Adrián;Germán Eduardo;Aníbal;Félix;Benjamín;Cristóbal""".replace(
    "\n", ""
)
WOMEN = """María Fernanda;Ana Lucía;Sofía;Luz Marina;Begoña;Martha Inés;Beatriz;Yolanda;Rocío;Mónica;Paula Andrea;
Ángela;Inés;Verónica;Nohora;Concepción;Valentina;Lucía del Pilar;Esperanza;Sandra Milena;Ximena;Íngrid;Natalia;
Doris;Adriana;Úrsula;Begoña Isabel;Teresa;Amparo;Gloria Stella;Noemí;Belén;Carolina""".replace(
    "\n", ""
)
SURNAMES = """Muñoz;Peña;Castañeda;Núñez;Ordóñez;Agüero;Argüello;Ibáñez;Gutiérrez;Martínez;Rodríguez;Gómez;Cárdenas;
Zúñiga;Acuña;Cañón;Piñeros;Beltrán;Vásquez;Suárez;Londoño;Patiño;Quiñones;Saldaña;Avendaño;Bermúdez;Chacón;Durán;
Echeverri;Forero;Güiza;Hincapié;Jiménez;Ladino;Marín;Nieto;Ocampo;Páez;Quintero;Rincón;Sepúlveda;Téllez;Urrego;
Valbuena;Yáñez;Zapata;Rendón;Buitrago;Cifuentes;Mejía;Tovar;Pedraza;Riaño;Treviño;Cedeño;Montaño""".replace(
    "\n", ""
)

COUNTRIES = [
    {
        "pais": "Colombia",
        "trib": "NIT",
        "cedula": "cédula de ciudadanía",
        "cc": "C.C.",
        "moneda": "pesos",
        "estado": "REPÚBLICA DE COLOMBIA",
        "ciudades": "Bogotá D.C.;Medellín;Cali;Barranquilla;Bucaramanga;Pereira;Manizales;Ibagué;Neiva;Cúcuta;Tunja;"
        "Villavicencio;Montería;Popayán;Pasto;Armenia;Chía;Envigado;Itagüí;Magangué;Sogamoso;Facatativá",
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

GRAMMAR = """
== hacienda
- Dirección de Impuestos y Aduanas Nacionales
== mes
- enero
- febrero
- marzo
- abril
- mayo
- junio
- julio
- agosto
- septiembre
- octubre
- noviembre
- diciembre
== empresa_n
- {emp_a} {emp_b} {emp_c}
- {emp_a} {emp_b} y Cía. {emp_c}
- {emp_b} {emp_d} {emp_c}
- {emp_a} {emp_d} {emp_c}
== emp_a
- Comercializadora
- Inversiones
- Distribuciones
- Industrias
- Transportes
- Construcciones
- Agropecuaria
- Servicios Integrales
- Soluciones
- Textiles
- Confecciones
- Alimentos
- Ferretería
- Ingeniería
- Logística
- Papelería
- Lácteos
- Maderas
== emp_b
- El Roble Ñato
- La Cañada
- Monteclaro
- Peñasblancas
- San Telmo
- Valle Hondo
- El Guadual
- Tres Esquinas
- La Araucaria
- Aguapanela
- Tejares
- Río Pequeño
- Yarumal Alto
- Cerro Güicán
- Los Búhos
- Nogalera
- Altozano
- El Cóndor Azul
- Mañanitas
- Piedra Ancha
== emp_c
- S.A.S.
- Ltda.
- S.A.
- S. en C.
- E.U.
- y Asociados S.A.S.
== emp_d
- del Oriente
- Andina
- del Caribe
- de la Sabana
- del Pacífico
- del Sur
- Unidos
- del Llano
== banco_n
- Banco del Altozano
- Banco Meseta y Mar
- Banco Cordillera Verde
- Banco Faro Austral
- Cooperativa Financiera La Ceiba Vieja
- Banco Ribera Nueva
- Caja de Ahorros Tres Ríos
- Banco Puente Largo
== cargo_n
- analista de cartera
- auxiliar contable
- jefe de producción
- coordinadora de logística
- ingeniero de campo
- asesor comercial
- conductor de reparto
- operaria de confección
- directora administrativa
- técnico de mantenimiento
- gerente de proyectos
- cajera principal
- vigilante
- diseñador gráfico
- profesional de calidad
- secretaria general
== dir
- Calle ## No. ##-##
- Carrera ## n.º ## - ##
- Avenida ## No. ##A-## [oficina ###|piso #|local ##]
- Transversal ## No. ## Sur ##
- Diagonal ##B No. ##-## [apto ###|interior #|bodega #]
- Cra. ## Nº ##-## [barrio La Peña|barrio El Recreo|urbanización Los Álamos|edificio Cañaveral]
- Vereda [El Salitre|La Montaña|Santa Bárbara], kilómetro #
== docu
- balance general
- estado de resultados
- certificado de cámara de comercio
- declaración de renta
- RUT
- extracto bancario
- certificado laboral
- contrato
- acta de asamblea
- pagaré en blanco con carta de instrucciones
- poder autenticado
- fotocopia de la cédula
- certificado de ingresos y retenciones
- póliza de cumplimiento
- factura de venta
== el_docu
- el balance general
- el estado de resultados
- el certificado de cámara de comercio
- la declaración de renta
- el RUT
- el extracto bancario
- el certificado laboral
- el contrato
- la acta de asamblea
- el pagaré en blanco con carta de instrucciones
- el poder autenticado
- la fotocopia de la cédula
- el certificado de ingresos y retenciones
- la póliza de cumplimiento
- la factura de venta
== citas
- Se [anexa|adjunta|acompaña] {docu} y {docu} [con corte a {fecha_r}|del año {anio}|vigente], [para lo
  pertinente|según lo solicitado|para que obren dentro del expediente].
- Documentos recibidos: {docu}, {docu}, {docu}. [Pendiente|Falta]: {docu}.
- Según {el_docu} de fecha {fecha_r}, la información [coincide con|difiere de] la reportada a {banco}.
- Anexos: 1) {docu}; 2) {docu}; 3) {docu}[; 4) {docu}|].
- Lo anterior se verificó contra {el_docu} aportado por {titular}, [{cc} {cc_t}|identificad{g} con {cc} {cc_t}].
- Ver {docu}, folio ## [y siguientes|vuelto].
- Esta información [hace parte integral|es soporte] de {el_docu} presentado [ante {banco}|en la oficina de {ciudad}]
  el {fecha_r}.
- Referencia: solicitud No. ######. Soporte adicional: {docu}.
- Para el estudio de crédito de {empresa} se requieren {el_docu}, {el_docu} y {el_docu} [de los dos últimos años|sin
  enmendaduras|con firma original].
== sellos
- RECIBIDO {fecha_r} {hora} [Radicación y correspondencia|Ventanilla única|Oficina {ciudad}] No. ########
- [COPIA|FOTOCOPIA] TOMADA DEL ORIGINAL
- Es fiel copia [del original que reposa en nuestros archivos|tomada de su original]. {ciudad}, {fecha_r}.
- {banco} · Gestión documental · Lote #### · Imagen ###
- Escaneado por: {persona} Caja ## Carpeta ###
- VERIFICADO [centrales de riesgo|firmas y sellos|listas restrictivas] {fecha_r}
- Vigilado por la Superintendencia Financiera
- Folio ## de 1##
- NOTARÍA ## DEL CÍRCULO DE {ciudad_m}. Compareció {persona} con {cc} {cc_n} y [reconoció|manifestó que reconoce] como
  suya la firma y cierto el contenido del documento. Huella. {fecha_r} {hora}
- Diligencia de [presentación personal|autenticación|reconocimiento de firma]: ante el notario compareció {titular},
  quien exhibió la {cedula} {cc_t}. Derechos notariales {m}.
- Línea de atención {tel} · {correo} · {dir}, {ciudad}
- Documento no válido sin sello. Impreso {fecha_r} {hora}, usuario {usuario}
- [Uso interno|Espacio reservado para la entidad]. Código de barras (415)77########(8020)##########
- Continúa en la página siguiente
- Hoja ## · viene de la página anterior
== firmas
- ______________________¶{persona}¶{cc} {cc_n} de {ciudad}
- Firma: ______________ Nombre: {titular} {cc} {cc_t}
- {representante}¶Representante legal¶{empresa} {trib} {nit}
- (Fdo.) {persona} [¶Gerente|¶Secretario|¶Directora|¶Apoderado|]
- Atentamente,¶¶{persona}¶[Jefe de gestión humana|Gerente general|Representante legal|Coordinador]¶{empresa}
- En constancia se firma en {ciudad} [a los {dias} días del mes de {mes} de {anio}|el {fecha}].
- {contador}¶[Contador público|Contadora pública] T.P. ######-T
- {revisor}¶Revisor fiscal T.P. #####-T [¶Designado por {empresa_b}|]
- Firmado digitalmente por {persona} [{fecha_r} {hora}|]
- Testigo: {persona} {cc} {cc_n}. Testigo: {persona} {cc} {cc_n}
== identidad
- {titular}, mayor de edad, [vecin{g} de {ciudad}|con domicilio en {ciudad}], [de estado civil {civil}|de nacionalidad
  [colombiana|mexicana|peruana|ecuatoriana]], identificad{g} con {cedula} número {cc_t} [expedida en {ciudad}|].
- Nombres y apellidos: {titular}¶Tipo de documento: {cedula}¶Número: {cc_t}¶Lugar de expedición: {ciudad}
- Dirección: {dir}¶Ciudad: {ciudad}¶Teléfono: {tel}¶Correo electrónico: {correo}
- Apellidos {apellidos_t} Nombres {nombres_t} Identificación {cc_t}
- Fecha de nacimiento {nacimiento} Lugar {ciudad} [Sexo {sexo}|Nacionalidad colombiana|Estado civil {civil}]
- {cc} {cc_t} de {ciudad}
- Tipo de documento {cedula} Número de identificación {cc_t} Fecha de expedición {fecha_r} País {pais} Departamento
  [Cundinamarca|Antioquia|Boyacá|Nariño|Bolívar|Valle|Tolima|Santander] Municipio {ciudad}
- Primer apellido, segundo apellido y nombres: {apellidos_t} {nombres_t}. [Fecha de expedición {fecha_r}|RH {rh}].
== civil
- casad{g} con sociedad conyugal vigente
- solter{g}
- unión libre
- viud{g}
== registro
- Razón social: {empresa}¶{trib}: {nit}¶Domicilio principal: {ciudad}¶Dirección [comercial|de notificación judicial]:
  {dir}¶Teléfono: {tel}¶Correo: {correo}
- Actividad [económica principal|principal]: {ciiu}¶Actividad secundaria: {ciiu}
- Representante legal: {representante}, {cedula} {cc_r}. [Suplente: {persona}, {cc} {cc_n}.|Nombrado el {fecha_r}.]
- Fecha de constitución {fecha_r}. Número de matrícula ##-######-## [Cámara de comercio de {ciudad}|]. [Vigencia hasta
  {fecha_r}|Término indefinido].
- Revisor fiscal principal {revisor} T.P. #####-T. Contador {contador} T.P. ######-T
- Establecimientos: {emp_b} [centro|norte|sucursal {ciudad}] {dir} matrícula No. ######. [Tipo: agencia|Tipo:
  establecimiento de comercio|Tipo: sede].
- Composición del capital: nacional {pct} %, extranjero {pct} %, público 0 %. Número de [socios|accionistas] ##.
- Nombre comercial {emp_b} {emp_d}. Sigla {sigla}. [Tamaño de empresa: pequeña|Tamaño de empresa: microempresa].
- País {pais} Departamento [Cundinamarca|Antioquia|Nariño|Santander|Valle] Municipio {ciudad} Dirección {dir} Código
  postal ###### Teléfono 1 {tel} Teléfono 2 {tel}
- Fecha de inicio de actividad {fecha_r}. Código {ciiu}. [Código {ciiu}.|] Número de establecimientos ##.
- Constitución: documento [privado|escritura pública] número #### de fecha {fecha_r}, [notaría ## de {ciudad}|asamblea
  de accionistas], inscrito el {fecha_r} [bajo el número ######## del libro IX|].
== ciiu
- 4711 comercio al por menor en establecimientos no especializados
- 4923 transporte de carga por carretera
- 6920 actividades de contabilidad, teneduría de libros y auditoría
- 1410 confección de prendas de vestir
- 4111 construcción de edificios residenciales
- 0141 cría de ganado bovino
- 6202 actividades de consultoría informática
- 5611 expendio a la mesa de comidas preparadas
- 4663 comercio de materiales de construcción y ferretería
- 0010 asalariados
- 8299 otras actividades de apoyo a las empresas
== activo
- Efectivo y equivalentes {col}
- Caja y bancos {col}
- Bancos nacionales {col}
- Cuentas por cobrar clientes {col}
- Deudores comerciales y otros {col}
- Anticipos y avances {col}
- Inventarios {col}
- Propiedad, planta y equipo {col}
- Depreciación acumulada ({m})
- Maquinaria y equipo {col}
- Terrenos y edificaciones {col}
- Inversiones temporales {col}
- Intangibles y diferidos {col}
- Anticipo de impuestos y saldos a favor {col}
== pasivo
- Obligaciones financieras {col}
- Proveedores nacionales {col}
- Cuentas por pagar {col}
- Impuestos, gravámenes y tasas {col}
- Obligaciones laborales {col}
- Cesantías consolidadas {col}
- Pasivos estimados y provisiones {col}
- Impuesto a las ventas por pagar {col}
- Retención en la fuente por pagar {col}
- Anticipos recibidos de clientes {col}
== patrimonio
- Capital suscrito y pagado {col}
- Reserva legal {col}
- Utilidades acumuladas {col}
- Resultado del ejercicio {col}
- Revalorización del patrimonio {col}
- Superávit por valorizaciones {col}
- Aportes sociales {col}
== ingreso
- Ingresos operacionales {col}
- Ventas brutas {col}
- Devoluciones en ventas ({m})
- Ingresos financieros {col}
- Ingresos no operacionales {col}
- Ingresos por honorarios {col}
- Rendimientos financieros {col}
- Arrendamientos recibidos {col}
- Recuperaciones {col}
== gasto
- Costo de ventas {col}
- Gastos de personal {col}
- Gastos operacionales de administración {col}
- Gastos operacionales de ventas {col}
- Honorarios {col}
- Servicios públicos {col}
- Gastos financieros {col}
- Depreciaciones y amortizaciones {col}
- Impuesto de industria y comercio {col}
- Arrendamientos {col}
- Mantenimiento y reparaciones {col}
- Gastos de viaje {col}
- Diversos {col}
- Provisión impuesto de renta {col}
== contable
- {activo:2-5}
- {ingreso:2-3}¶{gasto:2-5}
- {pasivo:2-5}
- {patrimonio:1-3}¶{ingreso:1-2}
- {activo:1-2}¶{pasivo:1-2}¶{gasto:1-2}
- Nota #. [Políticas contables|Bases de preparación|Principales prácticas]. {empresa} lleva su contabilidad por el
  sistema de causación y [expresa las cifras en miles de {moneda}|presenta las cifras en {moneda}], [de conformidad
  con el marco técnico vigente|según las normas de información financiera para pymes].
- Nota ##. [Inventarios|Deudores|Obligaciones financieras|Propiedad, planta y equipo|Impuestos|Ingresos]. El saldo [a
  31 de diciembre de {anio}|al cierre] corresponde a {m}[, frente a {m} del año anterior|] y [no presenta
  restricciones|incluye {m} con {empresa_b}|se ajustó por antigüedad superior a 360 días].
- Los suscritos representante legal y contador [certificamos|declaramos] que las cifras [fueron tomadas fielmente de
  los libros|han sido verificadas previamente] conforme a las normas legales.
- Cifras en [miles de {moneda}|{moneda}] · [Años {anio} y {anio_ant}|Período {anio}|Comparativo {anio} - {anio_ant}]
- {empresa}¶{trib} {nit}¶[A 31 de diciembre de {anio}|Por el año terminado el 31 de diciembre de {anio}]
- Patrimonio [bruto|contable] {m}. [Deudas|Pasivos] {m}. Patrimonio líquido {m}. Renta líquida {m}.
- Impuesto [de renta|sobre la renta] a la tarifa del {tasa} % {m}. Anticipo {m}. Retenciones {m}.
- La depreciación se calcula por línea recta según la vida útil: edificios 45 años, maquinaria 10, vehículos 5. El
  gasto del año fue de {m}.
- Contingencias: [a la fecha no se conocen|existe un proceso en curso por {m}, según los asesores jurídicos|no hay
  hechos posteriores] que [afecten|modifiquen] las cifras.
== legal
- PARÁGRAFO. [El incumplimiento|La mora|El retardo] de cualquiera de las obligaciones [dará lugar a|causará] el cobro
  de [intereses a la tasa máxima legal|perjuicios|la cláusula penal], sin necesidad de requerimiento [judicial|previo].
- Las partes [acuerdan|convienen|fijan] como domicilio la ciudad de {ciudad} y [renuncian a requerimientos|señalan
  para notificaciones la {dir}|se someten a sus jueces].
- {titular}, mayor de edad, identificad{g} con {cedula} No. {cc_t}, obrando [en nombre propio|en calidad de
  representante legal de {empresa}, {trib} {nit}], [manifiesta|declara|expone]:
- [Autorizo|Se autoriza] a {banco}, o a quien represente sus derechos, para [consultar y reportar a las centrales de
  riesgo|tratar los datos personales|debitar la cuenta {cuenta}] [mientras subsistan las obligaciones|].
- Queda [facultad{g}|expresamente facultado] para recibir, transigir, conciliar, desistir, sustituir, reasumir y, en
  general, para [todo cuanto sea necesario|los actos propios del encargo].
- La suma de {letras} se pagará [en la ciudad de {ciudad}|en ## cuotas mensuales|a la orden de {banco}] [el
  {fecha_r}|a más tardar el {fecha_r}].
- El documento presta mérito ejecutivo [y se firma en dos ejemplares|y las partes renuncian a la constitución en mora].
- [Los comparecientes|Las partes|Los presentes] leyeron el texto, lo aprobaron [por unanimidad|en su integridad] y
  [firman en señal de aceptación|dejan constancia con su firma].
- Se pone de presente {el_docu} y se ordena [agregarlo como anexo|su protocolización|dejar copia].
- [Los gastos de autenticación, timbre y cobranza|Los honorarios y costas] serán de cargo de [el deudor|quien
  incumpla|{titular}|{empresa}].
- En caso de fallecimiento o [insolvencia|liquidación], las obligaciones [serán exigibles de inmediato|pasarán a los
  herederos o sucesores].
- Para garantizar lo anterior, {otro} suscribe como [codeudor|avalista|deudor solidario], {cc} {cc_o}.
- Habiendo quórum [suficiente|decisorio], se autoriza al representante legal para [firmar el documento|contratar hasta
  por {m}|otorgar poder|suscribir pagarés a favor de {banco}].
== epistolar
- {ciudad}, {fecha}
- Señores¶[{banco}|{empresa_b}]¶[Atn. {persona}|Oficina {ciudad}|Ciudad]
- [Cordial saludo|Respetados señores|Apreciados señores|Estimados señores]:
- Por medio de la presente me permito [informar|manifestar|comunicar] que {titular}, {cc} {cc_t}, [se encuentra a paz
  y salvo|ha mostrado un comportamiento responsable|cumple con los requisitos].
- Cualquier [inquietud|información adicional] con gusto será atendida en el teléfono {tel} [o en {correo}|].
- La presente se expide a solicitud del interesado [con destino a {banco}|a quien interese|para trámite de crédito].
- Agradecemos la atención [prestada|que se sirvan dar a la presente] y quedamos atentos [a sus comentarios|].
- Quien suscribe, {persona}, en calidad de [gerente|representante legal|jefe de personal] de {empresa}, {trib} {nit},
- A QUIEN [PUEDA INTERESAR|CORRESPONDA|INTERESE]
- {titular} [labora|trabaja|presta sus servicios] en {empresa} [como {cargo}|] y sus ingresos ascienden a {m}.
- [Sin otro particular|Cordialmente|Atentamente],
== montos
- Subtotal {m}¶[IVA 19 %|IVA|Impuesto] {m}¶Total {m}
- Valor a pagar {m} [antes de {fecha_r}|]. [Pago mínimo {m}|Saldo anterior {m}].
- Forma de pago: [transferencia a la cuenta {cuenta} de {banco}|contado|crédito a ## días|débito automático]
- {fecha_r} {concepto} {m}
- {fecha_r} {concepto} {m}¶{fecha_r} {concepto} {m}¶{fecha_r} {concepto} {m}
- Cliente {titular} {cc} {cc_t} {dir} {ciudad} Tel. {tel}
- Son: {letras}
- Comisión {m} · Retención {m} · [Gravamen|IVA] {m} · Saldo {m}
- Período del {periodo}. Fecha límite de pago {fecha_r}. Referencia de pago ##########
- ¿Dudas sobre este documento? [Escriba a {correo}|Llame al {tel}]. [¡Evite intereses, pague a tiempo!|¡Gracias por
  preferirnos!|]
- [Descuento|Abono|Intereses de mora|Ajuste al peso] {m}. Total [cargos|neto] {m}.
== concepto
- pago proveedores {empresa_r}
- compra {emp_b} {ciudad}
- transferencia a {persona}
- servicio de transporte ref. ####
- cuota de manejo
- abono factura ####
- papelería y útiles
- pago nómina
- honorarios {mes}
- arriendo local ##
- recaudo en efectivo
- pago de servicios públicos
- consignación nacional
- intereses {mes}
== balance_general.titulo
- BALANCE GENERAL
- BALANCE GENERAL COMPARATIVO
- ESTADO DE SITUACIÓN FINANCIERA
- ESTADO DE SITUACIÓN FINANCIERA INDIVIDUAL
- Balance general clasificado
- BALANCE DE PRUEBA Y BALANCE GENERAL
== balance_general.apertura
- {empresa}¶{trib} {nit}¶A 31 de diciembre de {anio} [y {anio_ant}|]¶([Expresado|Cifras expresadas] en [miles de|]
  {moneda})
- {empresa}, {ciudad}. [Situación financiera|Activos, pasivos y patrimonio] con corte a {fecha}
- Corte: {fecha}. Empresa: {empresa}. Identificación tributaria {nit}. Cuenta - Saldo - [Variación|Año anterior]
- {titular}¶{cc} {cc_t}¶[Comerciante independiente|Persona natural]¶Situación a {fecha}
== balance_general.cuerpo
- ACTIVO¶ACTIVO CORRIENTE¶{activo:3-7}¶TOTAL ACTIVO CORRIENTE {col}¶{activo:1-4}¶TOTAL ACTIVO {col}
- PASIVO¶PASIVO CORRIENTE¶{pasivo:3-7}¶[TOTAL PASIVO CORRIENTE|Pasivo a largo plazo] {col}¶TOTAL PASIVO {col}
- PATRIMONIO¶{patrimonio:2-5}¶TOTAL PATRIMONIO {col}¶TOTAL PASIVO Y PATRIMONIO {col}
- [Activos no corrientes|Activo fijo|Activo no corriente]¶{activo:2-5}¶[Total activos no corrientes|Total] {col}
- [Cuentas de orden deudoras|Cuentas de orden acreedoras] {col}
- Código Cuenta Saldo¶11 {activo:1-1}¶13 {activo:1-1}¶15 {activo:1-1}¶21 {pasivo:1-1}¶22 {pasivo:1-1}¶31
  {patrimonio:1-1}
- Indicadores: razón corriente #,##; endeudamiento {pct} %; capital de trabajo {m}. [Activos menos pasivos {m}.|]
- El total de los activos [asciende a|es de] {m}, [financiados en {pct} % con pasivos|y los pasivos a {m}], con un
  patrimonio de {m} [que aumentó|que disminuyó] frente a {anio_ant}.
== balance_general.cierre
- Las notas adjuntas forman parte integral de este [balance|estado financiero]. {firmas}
- {firmas}¶{firmas}
- [Véase dictamen adjunto|Ver opinión adjunta]. {revisor}, revisor fiscal. {contador}, contador.
- Certificamos que hemos verificado las afirmaciones contenidas en el balance con corte a {fecha}. {firmas}
== balance_general.corto
- Total activo {m} Total pasivo {m} Patrimonio {m}
- {empresa} [balance a|a] {fecha}. Activo {m}, pasivo {m}.
- {activo:2-3}
- {pasivo:1-2}¶{patrimonio:1-2}
== estado_resultados.titulo
- ESTADO DE RESULTADOS
- ESTADO DE RESULTADOS INTEGRAL
- ESTADO DE PÉRDIDAS Y GANANCIAS
- Estado de resultados comparativo
- ESTADO DE GANANCIAS Y PÉRDIDAS ACUMULADO
== estado_resultados.apertura
- {empresa}¶{trib} {nit}¶[Del 1 de enero al 31 de diciembre de {anio}|Por el año terminado el 31 de diciembre de
  {anio}]¶([Expresado|Cifras expresadas] en [miles de|] {moneda})
- {empresa}, {ciudad}. [Resultado del período|Ingresos, costos y gastos] de enero a {mes} de {anio}
- Período: {mes} de {anio}. Empresa: {empresa}. {trib} {nit}. Concepto - Valor - [Variación|Año anterior]
- {titular}¶{cc} {cc_t}¶[Comerciante independiente|Persona natural]¶Ingresos y egresos a {fecha}
== estado_resultados.cuerpo
- INGRESOS¶{ingreso:3-5}¶[TOTAL INGRESOS|Ventas netas] {col}¶[Costo de ventas|(-) Costo de la mercancía vendida]
  {col}¶UTILIDAD BRUTA {col}
- GASTOS OPERACIONALES¶{gasto:3-8}¶TOTAL GASTOS {col}¶UTILIDAD OPERACIONAL {col}
- Utilidad antes de impuestos {col}¶Provisión impuesto de renta {col}¶[UTILIDAD|PÉRDIDA] [NETA|DEL EJERCICIO] {col}
- Otros ingresos y egresos¶{ingreso:1-3}¶{gasto:1-3}¶[Resultado no operacional|Total otros] {col}
- Código Cuenta Saldo¶41 {ingreso:1-1}¶42 {ingreso:1-1}¶51 {gasto:1-1}¶52 {gasto:1-1}¶53 {gasto:1-1}
- Margen bruto {pct} %; margen operacional {pct} %; EBITDA {m}; utilidad por acción {m}.
- Las ventas [crecieron|cayeron] {pct} % frente a {anio_ant}; el costo representó {pct} % de los ingresos y la
  utilidad neta fue de {m}.
== estado_resultados.cierre
- Las notas adjuntas forman parte integral de este [estado de resultados|estado financiero]. {firmas}
- {firmas}¶{firmas}
- [Véase dictamen adjunto|Ver opinión adjunta]. {revisor}, revisor fiscal. {contador}, contador.
== estado_resultados.corto
- Ingresos {m} Costos {m} Gastos {m} Utilidad {m}
- {empresa} {anio}: utilidad [neta|operacional] {m}.
- {gasto:2-3}
- {ingreso:1-2}¶{gasto:1-2}
== declaracion_renta.titulo
- DECLARACIÓN DE RENTA Y COMPLEMENTARIO
- DECLARACIÓN DE RENTA Y COMPLEMENTARIO PERSONAS NATURALES Y ASIMILADAS
- DECLARACIÓN DE RENTA PERSONAS JURÍDICAS
- DECLARACIÓN ANUAL DEL IMPUESTO SOBRE LA RENTA
- Formulario [210|110] Impuesto de renta
== declaracion_renta.apertura
- {hacienda}¶Año gravable {anio}¶Número de formulario ############## [¶Privada|]
- 1. Año {anio} 4. Número de formulario ############# 5. {trib} {nit} 6. DV # 11. Razón social {empresa}
- 5. {trib} {cc_t} 7. Primer apellido {apellidos_t} 9. Nombres {nombres_t} 12. Cód. dirección seccional ## 24.
  Actividad {ciiu}
- Contribuyente: {titular}, {cc} {cc_t}. Ejercicio fiscal {anio}. Tipo de declaración: [inicial|corrección].
== declaracion_renta.cuerpo
- Patrimonio bruto 29 {m}¶Deudas 30 {m}¶Total patrimonio líquido 31 {m}
- [Rentas de trabajo|Cédula general] 32 {m}¶Ingresos no constitutivos de renta 33 {m}¶Renta líquida 34 {m}¶Rentas
  exentas y deducciones imputables 35 {m}
- Renta líquida gravable ## {m}¶Ganancias ocasionales gravables ## {m}¶Impuesto sobre las rentas líquidas ## {m}
- Total impuesto a cargo ## {m}¶Anticipo renta año siguiente ## {m}¶Retenciones año gravable ## {m}¶[Saldo a
  pagar|Total saldo a favor] ## {m}¶Sanciones ## {m}
- Activos: {activo:2-4}¶Total patrimonio bruto {m}
- {ingreso:2-4}¶Total ingresos brutos ## {m}¶Costos y gastos procedentes: {gasto:1-4}¶Renta líquida ordinaria {m}
- Pago total 980 {m}. Espacio exclusivo para el sello de la entidad recaudadora. [Código de barras|Adhesivo] #########
- Dependientes: #. Aportes voluntarios {m}. Intereses de vivienda {m}. Compensación por pérdidas {m}.
- Firma del declarante o de quien lo representa. Código de representación ##. [Con salvedades|Sin salvedades]. Código
  contador o revisor fiscal # No. tarjeta profesional ######
== declaracion_renta.cierre
- 981. Cód. representación ## 982. Código contador # 997. [Fecha efectiva de la transacción|Recibido] {fecha_r}
- Presentada [electrónicamente|en {banco}] el {fecha_r} [a las {hora}|]. [Acuse de recibo ##########|]
- {firmas}
- Declaro bajo juramento que los datos [son ciertos|corresponden a mi realidad económica]. {firmas}
== declaracion_renta.corto
- Año gravable {anio} {trib} {nit} saldo a [pagar|favor] {m}
- Patrimonio bruto {m} Deudas {m} Renta líquida {m}
- Retenciones {m}¶Anticipo {m}¶Sanciones {m}
- Sello de recibido {banco} {fecha_r} valor {m} formulario #############
== certificado_ingresos.titulo
- CERTIFICADO DE INGRESOS Y RETENCIONES
- CERTIFICADO DE INGRESOS Y RETENCIONES POR RENTAS DE TRABAJO Y DE PENSIONES
- CERTIFICADO DE RETENCIÓN EN LA FUENTE
- CERTIFICACIÓN DE INGRESOS DE CONTADOR PÚBLICO
== certificado_ingresos.apertura
- Año gravable {anio}¶Retenedor: {empresa} {trib} {nit}¶Trabajador: {titular} {cc} {cc_t}¶Período de la certificación:
  del {periodo}
- {empresa}, en calidad de agente retenedor, certifica que durante {anio} practicó retenciones a {titular}, {cc}
  {cc_t}.
- El suscrito contador público, {contador}, tarjeta profesional ######-T, certifica los ingresos de {titular},
  identificad{g} con {cc} {cc_t}.
== certificado_ingresos.cuerpo
- Pagos por salarios {m}¶Pagos por honorarios {m}¶Cesantías e intereses {m}¶Total de ingresos brutos {m}
- Aportes obligatorios por salud {m}¶Aportes a fondos de pensiones {m}¶Valor de la retención en la fuente {m}
- Concepto del pago sujeto a retención: {concepto}. Base {m}. Tarifa {tasa} %. Retenido {m}, consignado en {ciudad}.
- Sus ingresos mensuales promedio [ascienden a|son de] {letras}, provenientes de [{ciiu}|su actividad independiente].
- Datos a cargo del trabajador: arrendamientos {m}; intereses {m}; total retenciones {m}; total patrimonio {m}.
- La certificación se basa en [soportes contables|libros auxiliares|extractos y facturas] que obran en mi poder.
== certificado_ingresos.cierre
- Este certificado sustituye para todos los efectos legales la declaración del asalariado [no obligado|]. {firmas}
- Certifico que durante {anio} mi patrimonio e ingresos fueron inferiores al tope legal. {firmas}
- {firmas}
== certificado_ingresos.corto
- Ingresos brutos {m} retención {m} año {anio} {titular}
- {titular} {cc} {cc_t} percibe ingresos mensuales de {m}. {contador} T.P. ######-T
== extracto_bancario.titulo
- EXTRACTO DE CUENTA DE AHORROS
- EXTRACTO BANCARIO
- ESTADO DE CUENTA CORRIENTE
- Extracto mensual de tarjeta de crédito
- {banco}¶EXTRACTO INTEGRADO
- MOVIMIENTOS DE CUENTA
== extracto_bancario.apertura
- {banco}¶{titular}¶{dir}¶{ciudad}¶[Cuenta|Número de cuenta|Producto] No. {cuenta}¶[Período|Movimientos] del {periodo}
- Cliente: {empresa} {trib} {nit} Cuenta {cuenta} Sucursal {ciudad} Mes {mes} {anio}
- Apreciad{g} {titular}: este es el resumen de su cuenta {cuenta} en {mes} de {anio}.
- Saldo anterior {m}¶Total abonos {m}¶Total cargos {m}¶Saldo actual {m}¶Saldo promedio {m}
== movimiento
- {fecha_c} {oficina} [compra con tarjeta|compra internet] {emp_b} {m}- {m}
- {fecha_c} [abono intereses|rendimientos abonados] {m} {m}
- {fecha_c} [retiro cajero|retiro corresponsal] {ciudad_r} {m}- {m}
- {fecha_c} transferencia [desde|hacia] {persona} {m} {m}
- {fecha_c} {oficina} consignación [efectivo|cheque] {m} {m}
- {fecha_c} gravamen movimientos financieros {m}- {m}
- {fecha_c} [cuota de manejo|comisión] tarjeta débito {m}- {m}
- {fecha_c} pago [PSE|automático|en línea] {empresa_r} {m}- {m}
- {fecha_c} nómina {empresa_r} {m} {m}
- {fecha_c} {oficina} pago [crédito|tarjeta|servicios] {m}- {m}
- {fecha_c} [IVA comisión|cobro chequera|nota débito] {m}- {m}
- {fecha_c} cheque No. ###### {m}- {m}
== oficina
- {ciudad_r}
- ofic. ###
- canal virtual
== extracto_bancario.cuerpo
- FECHA DESCRIPCIÓN [SUCURSAL|OFICINA] VALOR SALDO¶{movimiento:6-22}
- Fecha Concepto Débito Crédito Saldo¶{movimiento:5-16}
- {movimiento:4-12}
- RESUMEN: saldo anterior {m}; [total abonos|depósitos] {m}; [total cargos|retiros] {m}; saldo final {m}; intereses {m}
- Cupo total {m} Cupo disponible {m} Pago mínimo {m} Pago total {m} Tasa {tasa} % E.A. Fecha límite {fecha_r}
- ¿Encontró diferencias en su extracto? Comuníquelas a la revisoría fiscal de {banco}, {correo}, dentro de los ## días
  siguientes. [¡Nunca comparta su clave!|¡Cuide su tarjeta!|]
- Bolsillos y metas {m}. Cheques devueltos #. Sobregiro autorizado {m}, utilizado {m}. Canje {m}.
- Tasa de rendimiento {tasa} % efectiva anual. Retención en la fuente sobre intereses {m}. Cuenta exenta de gravamen:
  [sí|no].
== extracto_bancario.cierre
- Fin del extracto. [Defensor del consumidor financiero: {persona}, {correo}.|Línea {tel}.]
- {banco}, establecimiento bancario. [Los depósitos están amparados por el seguro de depósito|].
- SALDO FINAL {m}
- Total movimientos del período ##. Saldo disponible {m}.
== extracto_bancario.corto
- {movimiento:1-3}
- Cuenta {cuenta} saldo {m} a {fecha_r}
- {banco} {mes} {anio} [saldo anterior|saldo total] {m} abonos {m} cargos {m}
- Pago mínimo {m} fecha límite {fecha_r}
== factura.titulo
- FACTURA DE VENTA No. {sigla}-####
- FACTURA ELECTRÓNICA DE VENTA {sigla} ####
- FACTURA CAMBIARIA DE COMPRAVENTA
- Factura Nº ######
- CUENTA DE COBRO No. ###
- Factura de servicios públicos
== factura.apertura
- {empresa}¶{trib} {nit}¶{dir} Tel. {tel}¶{ciudad}¶Fecha de [emisión|expedición] {fecha} [Vencimiento {fecha_r}|]
- Vendido a: {empresa_b} {trib} {nit_b} Dirección {dir} Ciudad {ciudad} [Orden de compra ####|Remisión ####]
- Cliente: {titular}¶{cc} {cc_t}¶{dir}, {ciudad}¶Vendedor: {persona}¶Condición: [contado|crédito ## días]
- [Responsable de IVA|No somos grandes contribuyentes]. Resolución de facturación ############## del {fecha_r}, desde
  el #### hasta el #####.
- DEBE A: {titular}, {cc} {cc_t}, la suma de {m} por concepto de {concepto}.
== item
- {cant} [und|unidades|UN] {producto} {m} {m}
- {ref} {producto} {cant} {m} {m}
- {producto} x {cant} {m} [IVA 19 %|exento|] {m}
- {cant} {producto} ref. {ref} {m}
- Servicio de {servicio} {m}
== producto
- tornillo galvanizado
- resma de papel carta
- bulto de cemento
- café molido libra
- tubería PVC 1/2"
- camisa manga larga talla M
- silla ergonómica
- caja de bolígrafos
- piñón de arrastre
- cable eléctrico calibre 12
- leche entera bolsa
- paño de limpieza
- pintura vinilo galón
- tóner negro
- guante de carnaza
- panela orgánica
- teclado en español
- rollo de tela índigo
- llanta rin 15
- azúcar morena kilo
== servicio
- mantenimiento de equipos
- transporte de mercancía
- asesoría contable
- diseño de página web
- aseo y cafetería
- vigilancia nocturna
- capacitación del personal
- alquiler de andamios
== factura.cuerpo
- [Cant. Descripción Vr. unitario Vr. total|REF ARTÍCULO CANTIDAD PRECIO TOTAL|Ítem Detalle Valor]¶{item:3-12}
- {item:2-7}
- Subtotal {m}¶Descuento {m}¶Base gravable {m}¶IVA 19 % {m}¶[Retefuente {m}¶|]TOTAL A PAGAR {m}
- SON: {letras} [moneda corriente|m/cte.]
- Esta factura se asimila en todos sus efectos a una letra de cambio. El comprador acepta haber recibido [la
  mercancía|el servicio] a satisfacción; la mora causa intereses.
- Observaciones: [entregar en {dir}|favor consignar en la cuenta {cuenta} de {banco}|mercancía en buen estado|no se
  aceptan devoluciones después de # días].
- CUFE: {hexa}¶Proveedor tecnológico: {empresa_r}
- Consumo del mes ### [kWh|m³]; lectura anterior #####, lectura actual #####; estrato #; [valor unidad|cargo fijo] {m}
- Recibí conforme. Nombre, firma y sello del [comprador|cliente]. Fecha de recibo {fecha_r}.
== factura.cierre
- Elaboró: {persona} [Revisó: {persona}|]. Aceptada: firma y sello.
- [¡Gracias por su compra!|Gracias por su pago oportuno|¡Vuelva pronto!] {tel} {correo}
- Impreso por {empresa_r} {trib} {nit_r}. Original cliente, copia contabilidad.
- {firmas}
== factura.corto
- {item:1-3}
- Total {m} IVA {m} [contado|crédito]
- {empresa} {trib} {nit} venta No. #### {fecha_r} {m}
- Recibí de {titular} la suma de {m} por {concepto}
== cedula_ciudadania.titulo
- {cedula_m}
- {estado}¶IDENTIFICACIÓN PERSONAL¶{cedula_m}
- {estado}¶{cedula_m}
- CERTIFICADO DE VIGENCIA DE LA {cedula_m}
- {estado} {cedula_m}
== cedula_ciudadania.apertura
- NÚMERO {cc_t}¶{apellidos_m}¶APELLIDOS¶{nombres_m}¶NOMBRES
- NUIP {cc_t} Apellidos {apellidos_t} Nombres {nombres_t}
- {cc_t}¶{apellidos_m}¶{nombres_m}¶[FIRMA|FIRMA DEL TITULAR]
- La Registraduría certifica que la {cedula} {cc_t}, a nombre de {titular}, se encuentra [vigente|VIGENTE (VIVO)].
== cedula_ciudadania.cuerpo
- FECHA DE NACIMIENTO {nacimiento}¶{ciudad_m}¶LUGAR DE NACIMIENTO
- ESTATURA 1.{talla} G.S. RH {rh} SEXO {sexo}
- {fecha_r} {ciudad_m}¶FECHA Y LUGAR DE EXPEDICIÓN
- ÍNDICE DERECHO¶REGISTRADOR NACIONAL¶{persona_m}
- A-#######-########-{sexo}-##########-########
- Señales particulares: [ninguna|cicatriz en la mano|lunar]. Nacionalidad COL. Fecha de expiración {fecha_r}
- ICCOL{cc_x}<<<<<¶#######{sexo}#######COL##########<#¶{mrz}
- Código de verificación ##########. Este certificado no tiene costo y es válido hasta {fecha_r}.
- [Cara frontal|Cara posterior|Reverso del documento]
- Ampliada al 150 %
== cedula_ciudadania.cierre
- ÍNDICE DERECHO
- {cc_t} {rh} {sexo}
- [Huella|Firma] del titular¶Autoridad expedidora
- Expedido en {ciudad} el {fecha_r} a solicitud de {titular}
== cedula_ciudadania.corto
- {apellidos_m}¶{nombres_m}¶{cc_t}
- {nacimiento} {ciudad_m} 1.{talla} {rh} {sexo}
- FECHA DE NACIMIENTO {nacimiento} {ciudad_m} {cc_t}
- {cc} {cc_t} {titular}
== certificado_laboral.titulo
- CERTIFICADO LABORAL
- CERTIFICACIÓN LABORAL
- CONSTANCIA DE TRABAJO
- A QUIEN PUEDA INTERESAR
- {empresa}¶CERTIFICA
- EL DEPARTAMENTO DE GESTIÓN HUMANA HACE CONSTAR
== certificado_laboral.apertura
- [El suscrito|La suscrita] [jefe de personal|director de talento humano|representante legal] de {empresa}, {trib}
  {nit}, [certifica|hace constar] que {sr_art} {titular}, identificad{g} con {cedula} {cc_t},
- {empresa} certifica que {titular} ({cc} {cc_t}) labora en nuestra compañía desde el {ingreso_t}.
- {ciudad}, {fecha}. [Señores {banco}.|] Nos permitimos certificar que {titular}, con {cedula} No. {cc_t}, está
  vinculad{g} a esta empresa.
- Que {sr_art} {titular} prestó sus servicios en {empresa} desde el {ingreso_t} hasta el {fecha_r}.
== certificado_laboral.cuerpo
- Desempeña el cargo de {cargo}, con contrato [a término indefinido|a término fijo|por obra o labor] y una [asignación
  básica|remuneración] mensual de {letras}.
- Cargo: {cargo}¶Tipo de contrato: [indefinido|fijo a # meses|obra o labor]¶Fecha de ingreso: {ingreso_t}¶Salario
  básico: {m}¶Auxilio de transporte: {m}
- Entre sus funciones se encuentran: [atender proveedores|elaborar informes|supervisar la bodega|conciliar cuentas],
  [visitar clientes|archivar documentos|operar maquinaria|liquidar nómina] y las demás asignadas por su jefe.
- Adicionalmente devenga [comisiones|bonificaciones no constitutivas de salario|horas extras] por un promedio de {m}.
- Durante su permanencia ha demostrado [responsabilidad y honestidad|compromiso y puntualidad], sin llamados de
  atención.
- Su antigüedad en la compañía es de # años y # meses. [Se encuentra activ{g}|El retiro fue voluntario].
- Devengado {m}; deducciones: salud {m}, pensión {m}, [libranza|embargo|fondo de empleados] {m}; neto {m}.
- Jornada de [48|47|42] horas semanales, [lunes a sábado|turnos rotativos], en la sede de {ciudad}.
== certificado_laboral.cierre
- Se expide en {ciudad}, a los {dias} días del mes de {mes} de {anio}, a solicitud del interesado[, con destino a
  {banco}|]. {firmas}
- Para verificar la información comunicarse al {tel}, extensión ###. {firmas}
- La presente certificación se firma el {fecha}. {firmas}
== certificado_laboral.corto
- {titular} labora como {cargo} con salario de {m}.
- Cargo {cargo} ingreso {ingreso_t} sueldo {m}
- Se expide a solicitud de {sr_art} {titular}, {ciudad}, {fecha}. {empresa}
- Hace constar que {titular} trabaja en {empresa}.
== carta.titulo
- Asunto: [derecho de petición|solicitud de crédito|actualización de datos|cancelación de cuenta|paz y salvo]
- REF: [solicitud|reclamo|autorización de débito|carta de presentación|remisión de documentos]
- CARTA DE [PRESENTACIÓN|AUTORIZACIÓN|INSTRUCCIONES|RECOMENDACIÓN]
- COMUNICACIÓN
== carta.apertura
- {ciudad}, {fecha}¶¶Señores¶{banco}¶[Ciudad|E. S. M.|{ciudad}]¶¶[Respetados señores|Cordial saludo|Estimados señores]:
- {fecha}. Estimado cliente {persona}. {empresa_b}. {dir}. Asunto: [envío de soportes|reclamación|agradecimiento].
- Apreciad{g} {sr} {titular}: reciba un cordial saludo de parte de {empresa}.
- Yo, {titular}, identificad{g} con {cc} {cc_t}, me dirijo a ustedes [de manera respetuosa|con el fin de solicitar lo
  siguiente]:
== carta.cuerpo
- Solicito [la cancelación de mi cuenta {cuenta}|el desembolso del crédito|la revisión de los cobros de {mes}|un nuevo
  plazo para el pago de la cuota], [en razón a que cambié de domicilio|por cuanto no reconozco los cargos|debido a
  dificultades económicas].
- ¿Podrían indicarnos [qué documentos faltan|el estado del trámite|cuándo se abonará el dinero]? [Hemos llamado varias
  veces sin respuesta.|Llevamos más de un mes esperando.|]
- Remito {el_docu} y {el_docu} para que se continúe con el estudio; [el original se entregará después|quedo pendiente].
- Recomiendo ampliamente a {otro}, a quien conozco desde hace # años como persona honesta, cumplida y de buenas
  costumbres.
- Autorizo a {otro}, {cc} {cc_o}, para que en mi nombre [reclame la tarjeta|retire la chequera|entregue los
  documentos].
- El pasado {fecha_r} radiqué una queja en la oficina de {ciudad} y hasta hoy no he recibido solución. ¡Es inaceptable!
- Les informamos que desde el {fecha_r} nuestra nueva dirección es {dir}, teléfono {tel}.
- Lamentamos los inconvenientes y le comunicamos que su reclamo [fue atendido|fue resuelto a su favor|no procede].
- Nuestra relación comercial con {empresa_b} data de # años y su hábito de pago ha sido [excelente|bueno].
== carta.cierre
- Agradezco su pronta respuesta [y quedo atent{g}|]. {firmas}
- Cordialmente,¶¶{titular}¶{cc} {cc_t}¶{tel}
- Sin otro particular, me suscribo. {firmas} [¶Copia: archivo|¶Anexo: lo anunciado en ## folios]
- ¡Muchas gracias por su atención! {persona}
== carta.corto
- Señores {banco}: adjunto {docu}. {titular}
- Favor [abonar|girar] a la cuenta {cuenta} de {titular}. Gracias.
- {ciudad}, {fecha}. Recibí {el_docu}. {persona}
- Quedo atent{g} a su respuesta. {titular} {tel}
== camara_comercio.titulo
- CERTIFICADO DE EXISTENCIA Y REPRESENTACIÓN LEGAL
- CÁMARA DE COMERCIO DE {ciudad_m}
- CÁMARA DE COMERCIO DE {ciudad_m}¶CERTIFICADO DE EXISTENCIA Y REPRESENTACIÓN LEGAL O DE INSCRIPCIÓN DE DOCUMENTOS
- CERTIFICADO DE MATRÍCULA MERCANTIL
- REGISTRO MERCANTIL
== camara_comercio.apertura
- Con fundamento en las inscripciones del registro mercantil, la cámara de comercio certifica: nombre {empresa},
  {trib} {nit}, domicilio {ciudad}.
- Código de verificación: {hexa}¶Recibo No. ########## Valor {m}¶Fecha de expedición {fecha} {hora}
- LA MATRÍCULA MERCANTIL PROPORCIONA SEGURIDAD Y CONFIANZA EN LOS NEGOCIOS. RENUEVE ANTES DEL 31 DE MARZO DE {anio}
- Matrícula No. ######## del {fecha_r}. Último año renovado: {anio}. Activo total reportado {m}. {empresa}
== camara_comercio.cuerpo
- CERTIFICA - CONSTITUCIÓN: que por [documento privado|escritura pública No. ####] de [asamblea|la notaría ##] del
  {fecha_r}, inscrita bajo el No. ######## del libro IX, se constituyó la sociedad denominada {empresa}.
- REFORMAS: Documento No. #### Fecha {fecha_r} Origen [asamblea de accionistas|notaría ##] Inscripción {fecha_r} No.
  ########¶Documento No. #### Fecha {fecha_r} Inscripción No. ########
- OBJETO SOCIAL: la sociedad tendrá por objeto [la compra, venta y distribución de {producto}|la prestación de
  servicios de {servicio}], y cualquier actividad comercial o civil lícita.
- CAPITAL AUTORIZADO: valor {m}, acciones #.###, valor nominal {m}¶CAPITAL SUSCRITO {m}¶CAPITAL PAGADO {m}
- FACULTADES Y LIMITACIONES: el representante legal podrá celebrar actos y contratos [sin límite de cuantía|hasta por
  {m}]; requerirá autorización de la [junta directiva|asamblea] para enajenar inmuebles.
- NOMBRAMIENTOS: por acta No. ## de [asamblea|junta de socios] del {fecha_r}, fueron nombrados: gerente
  {representante}, {cc} {cc_r}; suplente {persona}, {cc} {cc_n}.
- VIGENCIA: que la sociedad [no se halla disuelta|su duración es indefinida|tiene vigencia hasta el {fecha_r}].
- A nombre de la persona jurídica figura matriculado el establecimiento {emp_b}, {dir}, {ciudad}, ciiu {ciiu}.
- RECURSOS: los actos certificados quedan en firme dentro de los diez días hábiles siguientes, [salvo recurso|si no
  fueren objeto de recursos]. Los sábados no se cuentan.
- Reportó como actividad económica {ciiu}. Tamaño: [micro|pequeña|mediana]. Ingresos ordinarios {m}. Activos {m}.
== camara_comercio.cierre
- EL SECRETARIO DE LA CÁMARA DE COMERCIO {persona}
- La firma mecánica tiene validez conforme a la autorización impartida. [Verifique en la sede electrónica.|]
- Este certificado refleja la situación jurídica del inscrito hasta la fecha y hora de su expedición. {fecha} {hora}
- {firmas}
== camara_comercio.corto
- {empresa} matrícula ######## renovada {fecha_r}
- Gerente {representante} {cc} {cc_r}. [Acta No. ##|Libro IX].
- Certifica: que no figuran inscripciones posteriores. {ciudad}, {fecha}
- {empresa} {trib} {nit} {dir} {ciudad}
== rut.titulo
- FORMULARIO DEL REGISTRO ÚNICO TRIBUTARIO
- REGISTRO ÚNICO TRIBUTARIO RUT
- REGISTRO ÚNICO DE CONTRIBUYENTES
- CONSTANCIA DE INSCRIPCIÓN TRIBUTARIA
- DIRECCIÓN DE IMPUESTOS Y ADUANAS NACIONALES¶Registro único tributario
== rut.apertura
- 2. Concepto [inscripción|actualización de oficio|actualización] 4. Número de formulario ############ 5. {trib} {nit}
  6. DV # 12. Dirección seccional {ciudad} 14. Buzón electrónico {correo}
- IDENTIFICACIÓN 24. Tipo de contribuyente [persona jurídica|persona natural o sucesión ilíquida] 25. Tipo de
  documento {cedula} 26. Número {cc_t} 27. Fecha expedición {fecha_r}
- {hacienda} hace constar que {empresa}, {trib} {nit}, se encuentra inscrita desde el {fecha_r}.
- 31. Primer apellido 32. Segundo apellido 33. Nombres {titular} 35. Razón social {empresa} 36. Nombre comercial
  {emp_b}
== rut.cuerpo
- UBICACIÓN 38. País {pais} 39. Departamento 40. Ciudad {ciudad} 41. Dirección principal {dir} 42. Correo {correo} 43.
  Código postal ###### 44. Teléfono {tel}
- CLASIFICACIÓN Actividad principal 46. Código #### 47. Fecha inicio {fecha_r} Actividad secundaria 48. Código ####
  50. Otras actividades #### 52. Número establecimientos #
- RESPONSABILIDADES, CALIDADES Y ATRIBUTOS 53. Código ## [05- impuesto de renta régimen ordinario|49- no responsable
  de IVA] [48- impuesto sobre las ventas|22- obligado a cumplir deberes formales a nombre de terceros|07- retención en
  la fuente a título de renta|52- facturador electrónico|42- obligado a llevar contabilidad]
- Usuarios aduaneros 54. Código [##|] Exportadores 55. Forma # 56. Tipo # 57. Modo # 58. CPC ####
- 59. Anexos [SÍ|NO] 60. No. de folios # 61. Fecha {fecha_r}. La información suministrada es responsabilidad de quien
  lo suscribe.
- Representación 98. [REPRS LEGAL PRIN|REPRS LEGAL SUPL] 100. Tipo de documento {cedula} 101. Número {cc_r} 104.
  Nombre {representante} 99. Fecha inicio {fecha_r}
- Revisor fiscal y contador 124. Número {cc_n} 127. Tarjeta profesional ##### 148. Contador {contador}
- Socios y miembros de juntas 111. Tipo de documento 112. Número {cc_n} {persona} 117. Valor capital {m} 118. {pct} %
- Establecimientos 160. Tipo ## 161. Actividad #### 162. Nombre {emp_b} 165. Matrícula mercantil ###### 167. Dirección
  {dir}
- Estado: [activo|registro activo]. Régimen: [ordinario|simple|especial]. Obligaciones: [IVA bimestral|renta
  anual|ICA].
== rut.cierre
- Firma del solicitante: {titular}. Sin perjuicio de las verificaciones que {hacienda} realice. 984. Nombre {persona}
  985. Cargo [gestor|facilitador]
- Documento generado el {fecha_r} {hora}. [¡Mantenga actualizado su registro!|Certificado sin costo.]
- Fecha de generación del documento PDF: {fecha_r} {hora}
- {firmas}
== rut.corto
- {trib} {nit} DV # {empresa} responsabilidades 05 07 48
- 46. #### 48. #### 50. #### 53. 05 42 48 52
- {empresa} {trib} {nit} {dir} {ciudad}
- 41. Dirección {dir} 44. {tel} 42. {correo}
== contrato.titulo
- CONTRATO DE [ARRENDAMIENTO|PRESTACIÓN DE SERVICIOS|COMPRAVENTA|SUMINISTRO|MUTUO|TRANSPORTE]
- CONTRATO DE ARRENDAMIENTO DE [LOCAL COMERCIAL|VIVIENDA URBANA|BODEGA] No. ###
- CONTRATO INDIVIDUAL DE TRABAJO A TÉRMINO [FIJO|INDEFINIDO]
- PROMESA DE COMPRAVENTA
- OTROSÍ No. # AL CONTRATO
== contrato.apertura
- Entre los suscritos, {titular}, {cc} {cc_t}, [de una parte|vecin{g} de {ciudad}], quien se denominará {parte_a}, y
  {otro}, {cc} {cc_o}, quien se denominará {parte_b}, hemos celebrado el presente contrato, regido por las siguientes
  cláusulas:
- {empresa}, {trib} {nit}, representada por {representante}, en adelante {parte_a}, y {empresa_b}, {trib} {nit_b}, en
  adelante {parte_b}, [acuerdan|convienen] las siguientes estipulaciones:
- CONTRATANTE: {empresa}¶CONTRATISTA: {titular}¶OBJETO: {servicio}¶VALOR: {m}¶PLAZO: ## meses
- En {ciudad}, el {fecha}, comparecen {titular} y {otro} y [expresan|manifiestan] que celebran este acuerdo de
  voluntades.
== clausula
- {ord} OBJETO. {parte_b} se obliga para con {parte_a} a [la prestación de servicios de {servicio}|entregar y
  suministrar {producto}|recibir a título de arrendamiento el inmueble de la {dir}], [con plena autonomía|según la
  propuesta anexa].
- {ord} VALOR. El valor [total|mensual] es de {letras}, que {parte_a} pagará [dentro de los ## primeros días de cada
  mes|contra entrega|en # contados], previa presentación de la factura o cuenta de cobro.
- {ord} DURACIÓN. El término será de ## meses contados desde el {fecha_r}, [prorrogable automáticamente|sin prórroga]
  salvo aviso escrito con ## días de antelación.
- {ord} OBLIGACIONES DE {parte_b}. Además de las propias de su naturaleza: a) cumplir con diligencia; b) informar
  cualquier novedad; c) [conservar la cosa|pagar la seguridad social|atender los requerimientos]; d) restituir los
  bienes al terminar.
- {ord} OBLIGACIONES DE {parte_a}. [Pagar oportunamente|Entregar la cosa en buen estado|Suministrar la información],
  dar las instrucciones necesarias y responder por los vicios que afecten el objeto.
- {ord} CLÁUSULA PENAL. El incumplimiento dará derecho a exigir {letras} a título de pena, sin menoscabo de los
  perjuicios [y de la terminación|].
- {ord} CESIÓN. {parte_b} no podrá ceder ni subcontratar total o parcialmente sin autorización [previa y
  escrita|expresa] de {parte_a}.
- {ord} TERMINACIÓN. Terminará por: mutuo acuerdo; vencimiento del plazo; incumplimiento; [fuerza mayor|muerte o
  disolución de una de las partes|decisión unilateral con ## días de preaviso].
- {ord} CONFIDENCIALIDAD. La información conocida por razón del contrato es reservada; [esta obligación subsiste por #
  años|no podrá divulgarse a terceros] y su violación genera indemnización.
- {ord} DOMICILIO. Para todos los efectos legales se fija la ciudad de {ciudad}. Notificaciones: {dir}; {correo}.
- {ord} MÉRITO EJECUTIVO. El presente documento presta mérito ejecutivo y las partes renuncian a los requerimientos
  para ser constituidas en mora.
- {ord} SOLUCIÓN DE CONTROVERSIAS. Toda diferencia se resolverá [por arreglo directo|ante un tribunal de
  arbitramento|por conciliación en {ciudad}] en un plazo de ## días y, de no lograrse, ante los jueces.
- {ord} GARANTÍAS. {parte_b} constituirá [póliza de cumplimiento|pagaré en blanco con carta de instrucciones|depósito]
  por el {pct} % del valor, vigente por el plazo y ## meses más.
- {ord} EXCLUSIÓN DE LA RELACIÓN LABORAL. Queda entendido que no existe subordinación ni vínculo laboral entre las
  partes, ni habrá lugar a prestaciones sociales.
- {ord} INCREMENTO. Cada doce meses el canon o valor se reajustará en [el índice de precios al consumidor|{tasa} %]
  sin necesidad de requerimiento.
- {ord} ENTREGA. Se hará el {fecha_r} mediante inventario suscrito por ambas partes, que se entiende incorporado, y en
  el estado en que [se encuentre|fue visto].
- {ord} SERVICIOS PÚBLICOS. Estarán a cargo de {parte_b} los servicios de acueducto, energía, gas y teléfono; la mora
  dará derecho a solicitar la restitución.
- {ord} MEJORAS. No se podrán hacer mejoras sin permiso escrito; las que se hagan [accederán al inmueble|no serán
  reembolsadas] y quedarán de propiedad de {parte_a}.
- {ord} SUPERVISIÓN. La ejercerá {persona}, quien verificará el cumplimiento, aprobará los informes y podrá formular
  observaciones dentro de los # días siguientes.
- {ord} ORIGEN DE FONDOS. Las partes declaran que sus recursos provienen de actividades lícitas [y se obligan a
  actualizar la información cada año|, según {docu} aportado].
- {ord} TRATAMIENTO DE DATOS. Los datos personales se usarán solo para la ejecución del contrato y el titular podrá
  conocerlos, actualizarlos, rectificarlos y suprimirlos.
- {ord} JORNADA Y LUGAR. Las labores se ejecutarán en {ciudad}, [de lunes a viernes|en turnos], y podrán modificarse
  por acuerdo o por necesidades del servicio.
- {ord} FUERZA MAYOR. Ninguna parte responderá por hechos imprevisibles e irresistibles; quien los alegue avisará
  dentro de los # días siguientes y acreditará las pruebas.
- {ord} IMPUESTOS Y GASTOS. Los tributos, derechos notariales y de registro se pagarán [por mitades|por
  {parte_b}|según la ley].
- {ord} PROPIEDAD INTELECTUAL. Los informes, diseños y programas resultantes pertenecerán a {parte_a}, quien podrá
  usarlos y transformarlos sin límite de tiempo.
- {ord} ARRAS. Como arras [confirmatorias|de retracto] se entrega la suma de {letras}, que se imputará al precio el
  día de la firma de la escritura pública en la notaría ##.
- {ord} SANEAMIENTO. {parte_a} declara que el bien es de su exclusiva propiedad, libre de hipotecas, embargos y
  pleitos, y saldrá al saneamiento por evicción y vicios redhibitorios.
- {ord} INTEGRIDAD. Este texto y sus anexos ({docu}, {docu}) recogen la voluntad completa y dejan sin efecto los
  acuerdos anteriores; toda modificación constará por escrito.
- {ord} VISITAS E INSPECCIÓN. {parte_a} podrá visitar el lugar de ejecución, en horas hábiles y con aviso de un día,
  para comprobar el estado de los bienes, el avance pactado y el cumplimiento de las normas de seguridad.
- {ord} RESPONSABILIDAD FRENTE A TERCEROS. {parte_b} mantendrá indemne a {parte_a} de toda reclamación originada en
  daños a personas o bienes que provengan de sus actuaciones, de sus dependientes o de sus subcontratistas.
- {ord} LIQUIDACIÓN. Dentro de los ## días siguientes a la terminación se suscribirá un acta en la que consten los
  ajustes, reconocimientos, saldos y pagos, y se declararán las partes a paz y salvo si hubiere lugar a ello.
- {ord} SUSPENSIÓN. De común acuerdo podrá suspenderse la ejecución, mediante escrito en el que se exprese la causa y
  la fecha de reinicio, sin que el tiempo de suspensión se compute para efectos del plazo ni genere reajustes de
  precio.
- {ord} NO COMPETENCIA. Durante la vigencia y # años más, {parte_b} se abstendrá de contratar empleados, proveedores o
  clientes de {parte_a}, y de ofrecer {servicio} a las personas cuyos datos haya conocido por este encargo.
- {ord} SEGURIDAD Y SALUD. Se cumplirán los reglamentos de higiene, el uso de elementos de protección y los exámenes
  periódicos; el costo estará a cargo de [quien corresponda según la ley|{parte_a}|{parte_b}].
== contrato.cuerpo
- {clausula:2-5}
- {clausula:1-4}
- {clausula:2-4}
- CONSIDERACIONES: 1) que {parte_a} requiere {servicio}; 2) que {parte_b} tiene la idoneidad y experiencia; 3) que
  aportó {docu} y {docu}.
- INVENTARIO [DE ENTREGA|ANEXO 1]¶{cant} {producto} [en buen estado|nuevo|usado]¶{cant} {producto}¶{cant} {producto}
  [regular|]
- Linderos: por el norte con {dir}; por el sur con predio de {persona}; por el oriente con vía pública; matrícula
  inmobiliaria ##[C|N]-######.
== contrato.cierre
- Para constancia se firma en dos ejemplares del mismo tenor, en {ciudad}, el {fecha}.¶{parte_a} {titular}¶{parte_b}
  {otro}
- {firmas}¶{firmas}
- Leído por las partes, lo aprueban y firman ante testigos. {firmas}
== contrato.corto
- {parte_a}: {titular}. {parte_b}: {otro}. Canon {m}. Plazo ## meses.
- Las partes firman en {ciudad} el {fecha}. {titular} {cc} {cc_t}. {otro} {cc} {cc_o}.
- {clausula:1-1}
== poder.titulo
- PODER ESPECIAL
- PODER ESPECIAL, AMPLIO Y SUFICIENTE
- PODER GENERAL
- Ref.: poder
- SUSTITUCIÓN DE PODER
== poder.apertura
- {titular}, mayor de edad, identificad{g} con {cedula} {cc_t}, por medio del presente escrito confiero poder
  especial, amplio y suficiente a {otro}, {cc} {cc_o}[, abogad[o|a] con T.P. ######|],
- Señor [notario ## de {ciudad}|juez civil de {ciudad} (reparto)|gerente de {banco}]. E. S. D. {titular} manifiesta
  que otorga poder a {otro}.
- Yo, {titular}, obrando como representante legal de {empresa}, {trib} {nit}, otorgo mandato a {otro}.
== poder.cuerpo
- para que en mi nombre y representación [venda el inmueble de la {dir}|solicite créditos ante {banco}|inicie y lleve
  hasta su terminación el proceso|retire los dineros de la cuenta {cuenta}].
- Mi apoderado queda facultado para recibir, conciliar, transigir, sustituir, desistir, renunciar y reasumir, y
  [firmar escrituras|interponer recursos|solicitar copias], de manera que en ningún momento carezca de poder.
- El apoderado podrá firmar [pagarés|la hipoteca|el contrato] hasta por {letras} y otorgar las garantías.
- Sírvase reconocerle personería en los términos [y para los fines aquí señalados|del presente mandato].
- El presente poder [estará vigente hasta el {fecha_r}|se entiende revocado con el aviso escrito|no podrá sustituirse].
- El mandatario rendirá cuentas [mensuales|comprobadas] de su gestión al poderdante.
== poder.cierre
- Poderdante: {titular} {cc} {cc_t}¶Acepto: {otro} {cc} {cc_o}
- Del señor [notario|juez|gerente], atentamente, {titular}. Acepto el poder, {otro}.
- {firmas}¶{firmas}
== poder.corto
- {titular} otorga poder a {otro}, {cc} {cc_o}.
- Acepto: {otro}, {cc} {cc_o}, T.P. ######
- El apoderado podrá recibir, desistir y sustituir. {ciudad}, {fecha}
== acta.titulo
- ACTA No. ##¶ASAMBLEA GENERAL ORDINARIA DE ACCIONISTAS
- ACTA DE [JUNTA DE SOCIOS|JUNTA DIRECTIVA|ASAMBLEA EXTRAORDINARIA] No. ##
- ACTA DE REUNIÓN
- ACTA DE ENTREGA
== acta.apertura
- En {ciudad}, a los {dias} días del mes de {mes} de {anio}, siendo las {hora}, se reunieron en {dir} los
  [accionistas|socios|miembros de junta] de {empresa}, previa convocatoria del {fecha_r}.
- Lugar: {ciudad}, {dir}. Fecha: {fecha}. Hora: {hora}. Asistentes: {persona}, {persona}, {persona}[, {persona}|].
- Por derecho propio se reúne la asamblea de {empresa}, {trib} {nit}, con el {pct} % de las acciones suscritas.
== acta.cuerpo
- ORDEN DEL DÍA: 1. Verificación del quórum. 2. Elección de presidente y secretario. 3. [Informe de gestión|Estados
  financieros|Reforma de estatutos]. 4. [Distribución de utilidades|Nombramientos]. 5. Proposiciones y varios.
- 1. Verificación del quórum. Se encuentran representadas #.### acciones, [el 100 %|el {pct} %] del capital; hay
  quórum para deliberar y decidir.
- 2. Se eligió como presidente a {persona} y como secretari[o|a] a {persona}, quienes aceptaron.
- El revisor fiscal leyó el dictamen y el gerente presentó el balance general y el estado de resultados: activos {m},
  utilidad {m}. Se aprobaron [por unanimidad|con el {pct} % de los votos].
- Se decide [distribuir utilidades por {m}|capitalizar {m}|constituir reserva por {m}|nombrar gerente a
  {representante}, {cc} {cc_r}].
- {intervencion:2-5}
- {intervencion:3-6}
- Se hace entrega de {cant} {producto} y {cant} {producto} a {persona}, quien recibe a satisfacción.
- Nombre · Acciones · Representación¶{persona} ### propia¶{persona} ### apoderado {persona}¶{persona} ### propia
== intervencion
- {persona} pregunta: ¿[cuándo se pagarán los dividendos|por qué aumentaron los gastos|qué pasó con el lote de
  {ciudad}]? El gerente responde que [el asunto está en estudio|se pagará en {mes}|hubo mayores costos por {m}].
- Interviene {persona} y propone [aplazar la decisión|contratar una auditoría|vender los activos improductivos por
  {m}]; la proposición se [aprueba|niega] con ## votos a favor y # en contra.
- {persona} deja constancia de su [desacuerdo|agradecimiento] y solicita que conste en el acta {el_docu} del {fecha_r}.
- El secretario da lectura a {el_docu}; los asistentes [lo aprueban sin observaciones|piden aclaraciones sobre la
  partida de {m}|deciden estudiarlo en la próxima reunión].
- Compromiso: {persona} entregará [el informe|la cotización|los planos] de {servicio} antes del {fecha_r}.
- Se informa que con {banco} se negocia un crédito por {letras}, a ## meses, para [capital de trabajo|compra de
  maquinaria|sustituir pasivos], respaldado con pagaré.
- Se somete a votación la [autorización al representante legal|elección del revisor fiscal|reforma del artículo ##],
  con el siguiente resultado: ## votos a favor, # en blanco.
- {persona} expone el avance de la sede de {ciudad}: [obra al {pct} %|retrasos por lluvia|entrega prevista para
  {mes}], con inversión acumulada de {m}.
- Se recibe a {persona}, de {empresa_r}, quien explica la propuesta de {servicio}, su costo de {m}, los plazos y las
  garantías; luego de varias preguntas se le agradece y se retira del recinto.
- {persona} recuerda que la cartera vencida con {empresa_r} suma {m} y pide [iniciar el cobro jurídico|una rebaja de
  intereses|visitar al cliente en {ciudad_r}]; se le encarga la gestión y rendirá informe el {fecha_r}.
- Se analiza el presupuesto: ventas por {m}, nómina por {m} e inversiones por {m}. {persona} considera que las metas
  son [ambiciosas pero alcanzables|muy bajas frente al mercado|razonables], y así lo deja dicho.
- Sobre el arriendo de {dir}, se acuerda [renovarlo por un año|buscar otra sede|negociar el canon en {m}], previo
  concepto de {persona}, quien revisará las cláusulas con el abogado.
== acta.cierre
- Agotado el orden del día, se levanta la sesión a las {hora}. Presidente {persona}. Secretario {persona}.
- El acta fue leída y aprobada por los asistentes. Es fiel copia tomada del libro de actas. {firmas}
- {firmas}¶{firmas}
== acta.corto
- Se aprueba por unanimidad. Presidente {persona}. Secretaria {persona}.
- Asistentes: {persona}, {persona} y {persona}. Hora {hora}.
- {intervencion:1-1}
== pagare.titulo
- PAGARÉ No. ######
- PAGARÉ A LA ORDEN
- PAGARÉ EN BLANCO
- CARTA DE INSTRUCCIONES PARA DILIGENCIAR EL PAGARÉ
== pagare.apertura
- Yo, {titular}, {cc} {cc_t}, [y {otro}, {cc} {cc_o},|] [declaro|me obligo] que pagaré incondicionalmente a la orden
  de {banco} la suma de {letras}.
- Valor {m}. Vencimiento {fecha_r}. Deudor {titular} {cc} {cc_t}. Acreedor {banco}. Tasa {tasa} % efectiva anual.
- {empresa}, {trib} {nit}, representada por {representante}, promete pagar solidariamente a {banco} o a su orden
  {letras}.
== pagare.cuerpo
- Pagaré la suma indicada en ## cuotas mensuales [iguales y sucesivas|vencidas] de {m}, la primera el {fecha_r}.
- En caso de mora reconoceré intereses a la tasa máxima permitida, y el tenedor podrá declarar vencido el plazo
  [aceleración] y exigir el pago total.
- Serán causales de vencimiento anticipado: a) la mora; b) el embargo de bienes; c) la inexactitud de la información;
  d) [la insolvencia|el deterioro de las garantías].
- Autorizo irrevocablemente para llenar los espacios en blanco conforme a estas instrucciones: la cuantía será igual a
  lo adeudado por capital, intereses y gastos; la fecha, la del día en que se llene.
- Excuso el protesto, la presentación y el aviso de rechazo. Los gastos de cobranza serán de mi cargo.
- El avalista {otro} garantiza la totalidad de la obligación en los mismos términos del girador.
- PLAN DE PAGOS Cuota Fecha Capital Interés Saldo¶{cuota:4-9}
== cuota
- {vence} capital {m} intereses {m} seguro {m} saldo {m}
- {vence} cuota {m} abono a capital {m} saldo {m}
== pagare.cierre
- Otorgado en {ciudad}, el {fecha}. El deudor {titular}. El codeudor {otro}. Huella.
- {firmas}¶{firmas}
- Se suscribe con espacios en blanco, según carta de instrucciones. {firmas}
== pagare.corto
- Debo y pagaré a {banco} {m} el {fecha_r}. {titular}
- Deudor {titular} {cc} {cc_t}. Codeudor {otro} {cc} {cc_o}. Huella
- Capital {m} intereses {m} tasa {pct} % vencimiento {fecha_r}
== poliza_seguro.titulo
- PÓLIZA DE SEGURO DE [CUMPLIMIENTO|AUTOMÓVILES|VIDA GRUPO DEUDORES|INCENDIO]
- CARÁTULA DE LA PÓLIZA
- CERTIFICADO INDIVIDUAL DE SEGURO
== poliza_seguro.apertura
- Póliza No. ######## Certificado ## Tomador {empresa} {trib} {nit} Asegurado {titular} Beneficiario {banco}
- Aseguradora {emp_b} de Seguros. Vigencia: {periodo}. Tomador: {titular}, {cc} {cc_t}.
- Entre la compañía y el tomador {titular} se celebra el contrato de seguro que consta en esta póliza.
== poliza_seguro.cuerpo
- Amparo Valor asegurado Prima¶Cumplimiento {m} {m}¶Calidad del servicio {m} {m}¶[Salarios y prestaciones {m} {m}|]
- Coberturas: muerte, incapacidad total, [hurto|incendio y rayo|terremoto|responsabilidad civil]. Deducible {tasa} %.
- Prima neta {m}¶Gastos de expedición {m}¶IVA {m}¶Total prima {m}
- Exclusiones: dolo, guerra, [preexistencias|uso indebido|vicio propio]. La mora en el pago de la prima produce la
  terminación automática del seguro.
- En caso de siniestro el asegurado dará aviso dentro de los tres días siguientes a la aseguradora. ¿Cómo reclamar?
  {tel}
- Riesgo asegurado: {dir}, {ciudad}. Beneficiario oneroso {banco} hasta el saldo insoluto de la deuda.
== poliza_seguro.cierre
- Intermediario {persona}, clave ####. Firma autorizada de la compañía. El tomador.
- {firmas}
== poliza_seguro.corto
- Tomador {titular} beneficiario {banco} prima {m}
- Amparo vigente del {fecha_r} al {fecha_r} valor {m}
"""
